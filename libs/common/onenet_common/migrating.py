"""The command ``migrate`` of every service with a schema."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from onenet_common.commands import Command
from onenet_common.database import Database
from onenet_common.errors import Transient
from onenet_common.migrations import Migrations

BEHIND = 1


def migrate(database: Callable[[], Database], migrations: Migrations) -> Command:
    """The command, on a database that is not started."""

    async def run(given: argparse.Namespace) -> int:
        try:
            return await attempt(given)
        except Transient as error:
            raise Transient(f"{error.reason}; put that right and run it again", code=error.code) from error

    async def attempt(given: argparse.Namespace) -> int:
        ours = database()
        found = await ours.revision()
        if given.sql:
            sys.stdout.write(migrations.sql(ours.schema, found) if migrations.behind(found) else "")
            return 0
        if given.check:
            _say(f"schema {ours.schema} is at {found or 'no revision'}, the newest is {migrations.head}")
            return BEHIND if migrations.behind(found) else 0
        await migrations.upgrade(ours.connect, ours.schema, lambda number: _say(f"applying {number} ..."))
        _say(f"schema {ours.schema} is at {await ours.revision()}")
        return 0

    return Command(run, "bring the database's schema up to date", _arguments)


def _arguments(parser: argparse.ArgumentParser) -> None:
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="change nothing; exit with 1 when it is behind")
    instead.add_argument("--sql", action="store_true", help="change nothing; print the statements")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
