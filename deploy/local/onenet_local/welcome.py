"""What ``up`` tells a newcomer once everything runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from onenet_local.issuer.accounts import Accounts
from onenet_local.services import Addresses
from onenet_local.stack import Stack


def welcome(stack: Stack, accounts: Accounts, seconds: float) -> str:
    """Where everything is that runs, whom to sign in as, and what to try."""
    where, folder, running = stack.addresses, stack.folder, stack.processes
    lines = {
        "api": f"API         {where.api}/v1    its documentation: {where.api}/docs",
        "issuer": f"Sign-on     {where.issuer}    simulated; nobody has a password",
        "cloud": f"Local AWS   {where.cloud}    simulated",
        "broker": f"Kafka       {where.kafka}",
        "postgres": f"PostgreSQL  {where.database.rpartition('@')[2]}    "
        f"its password: {folder / 'stack.json'}",
        "traffic": "Traffic     made up, of the networks and connections that there are; "
        "ONENET_LOCAL_TRAFFIC=0 is without",
    }
    shown = "\n".join(f"  {line}" for name, line in lines.items() if name in running)
    return f"""
OneNet is up, {seconds:.1f} s after the start; Ctrl-C stops it.

{shown}
  Logs        {folder / "logs"}    or: onenet-local logs {next(iter(running))}
{_first_steps(where, accounts) if {"api", "issuer", "cloud", "broker"} <= running.keys() else ""}"""


def _first_steps(where: Addresses, accounts: Accounts) -> str:
    people = ", ".join(
        f"{name} ({', '.join(person.groups)})" if person.groups else name
        for name, person in accounts.people.items()
    )
    found = way_to(Path(sys.executable).parent, os.environ.get("PATH"))
    return f"""
  You can be  {people}

Try in another terminal:
{found}  onenet-local demo --keep --api {where.api} --cloud {where.cloud} --kafka {where.kafka}
  onenet login --url {where.api} --user {next(iter(accounts.people))}
  onenet deps             # who talks to whom; also: onenet top, onenet findings list, onenet events -f
  onenet --help
"""


def way_to(programs: Path, path: str | None) -> str:
    """The line that makes a shell find these programs; empty where ``path`` leads to them already."""
    found = shutil.which("onenet", path=path)
    if found is not None and Path(found).parent == programs:
        return ""
    return f'  export PATH="{programs}:$PATH"\n'
