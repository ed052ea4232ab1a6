"""Two people with a terminal each: from sign-in to a connection and back, by the command alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_local.stack import Stack
from tests.e2e.estate import until

ONENET = Path(sys.executable).with_name("onenet")
TIMEOUT = 120
LEFT, RIGHT = ("666666666666", "eu-west-1"), ("777777777777", "us-east-1")


@dataclass(frozen=True)
class Terminal:
    """Somebody's shell, with a configuration folder of its own."""

    folder: Path

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        environment = {"PATH": os.environ["PATH"], "ONENET_CLIENT_CONFIG": str(self.folder)}
        process = await asyncio.create_subprocess_exec(
            ONENET,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), TIMEOUT)
        return process.returncode or 0, out.decode(), err.decode()

    async def ok(self, *arguments: str, stdin: str = "") -> str:
        code, out, err = await self.run(*arguments, stdin=stdin)
        assert code == 0, f"{arguments}: exit {code}\n{out}\n{err}"
        return out

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.ok(*arguments, "-o", "json"))


@pytest.fixture(scope="module")
async def terminals(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Terminal, Terminal]:
    folder = tmp_path_factory.mktemp("terminals")
    alice, bob = Terminal(folder / "alice"), Terminal(folder / "bob")
    await asyncio.gather(
        alice.ok("login", "--url", stack.addresses.api, "--user", "alice"),
        bob.ok("login", "--url", stack.addresses.api, "--user", "bob"),
    )
    return alice, bob


def _manifest(service: str, account: str, region: str) -> str:
    return f"""
kind: Service
name: {service}
---
kind: Provider
name: {service}-aws
service: {service}
account: "{account}"
region: {region}
"""


async def _let_in(
    terminal: Terminal, stack: Stack, service: str, account: str, region: str, block: str
) -> str:
    """Register, then do what a newcomer is told to do in the account; the VPC's id."""
    owner = Owner(LocalCloud(stack.addresses.cloud), account)
    vpc = owner.vpc(block, region=region)
    await terminal.ok("apply", "-f", "-", stdin=_manifest(service, account, region))
    provider = await terminal.json("get", "provider", f"{service}-aws")
    owner.client("iam").create_role(
        RoleName="OneNet", AssumeRolePolicyDocument=json.dumps(provider["trust_policy"])
    )
    await terminal.ok("discover", f"{service}-aws")

    async def discovered() -> bool | None:
        return vpc in await terminal.ok("get", "resources", "-o", "json") or None

    await until(discovered, f"{vpc} to be discovered")
    return vpc


async def test_from_sign_in_to_a_connection_and_back(
    stack: Stack, terminals: tuple[Terminal, Terminal]
) -> None:
    alice, bob = terminals
    assert "alice" in await alice.ok("whoami")
    left, right = await asyncio.gather(
        _let_in(alice, stack, "orders", *LEFT, "10.66.0.0/16"),
        _let_in(bob, stack, "billing", *RIGHT, "10.77.0.0/16"),
    )
    assert "unchanged" in await alice.ok("apply", "-f", "-", stdin=_manifest("orders", *LEFT))

    asked = await alice.json("connect", f"orders/{left}", f"billing/{right}", "--filter", "tcp:443")
    assert asked["state"] == "PENDING_APPROVAL"
    code, _, shown = await bob.run("approve", asked["id"], "--yes")
    assert code == 0
    assert "10.66.0.0/16" in shown
    await alice.ok("watch", asked["id"], "--timeout", "60")
    done = await alice.json("get", "connection", asked["id"])
    assert done["state"] == "ESTABLISHED"
    assert done["details"]["peering_id"].startswith("pcx-")
    assert "established" in await bob.ok("timeline", asked["id"])

    await bob.ok("delete", "connection", asked["id"], "--yes", "--wait")
    assert (await alice.json("get", "connection", asked["id"]))["state"] == "DELETED"


async def test_what_is_not_there_or_not_yours_says_so_by_exit_code(
    terminals: tuple[Terminal, Terminal], tmp_path: Path
) -> None:
    alice, _ = terminals
    code, out, err = await alice.run("get", "connection", "00000000-0000-4000-8000-000000000000")
    assert (code, out) == (4, "")
    assert "00000000-0000-4000-8000-000000000000" in err
    code, _, err = await Terminal(tmp_path / "stranger").run("get", "services")
    assert code == 3
    assert "onenet login" in err
