"""The command ``replay`` of services with a read model: rebuild it from the topics, or say what differs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from onenet_common.commands import Command
from onenet_common.database import Database
from onenet_common.errors import Permanent
from onenet_common.migrations import Migrations
from onenet_common.past import Say

_DRY_RUN = "change nothing; print what differs and exit with 1 if anything does"
_RESTORED = "the database was restored from a backup: take over the decisions that it does not know"

SHOWN = 100
"""Lines of a kind that are printed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a replay goes about it.

    Args:
        dry_run: only say what would change.
        restored: the database comes from a backup: decisions that the topics alone know are taken over.
    """

    dry_run: bool = False
    restored: bool = False


@dataclass
class Findings:
    """What a replay found, a line each.

    Args:
        differences: where the read model is not what the topics tell; mended unless it was a dry run.
        left: what is left as it is, and why.
        unreadable: records that are no events of ours.
    """

    differences: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unreadable: int = 0


class Rebuild(Protocol):
    """Rebuilds a read model, telling ``say`` of its progress."""

    def __call__(self, database: Database, options: Options, say: Say) -> Awaitable[Findings]: ...


def one_by_one(*rebuilds: Rebuild) -> Rebuild:
    """Several parts of a read model that are rebuilt on their own, one after the other."""

    async def rebuild(database: Database, options: Options, say: Say) -> Findings:
        found = [await part(database, options, say) for part in rebuilds]
        return Findings(
            [line for one in found for line in one.differences],
            [line for one in found for line in one.left],
            # They read the same topics, in part.
            max(one.unreadable for one in found),
        )

    return rebuild


def replay(
    database: Callable[[], Database], migrations: Migrations, rebuild: Rebuild, *, decides: bool = False
) -> Command:
    """The command, on a database that is not started.

    Args:
        decides: the topics tell of the service's own decisions, so that it may be told of a restore.

    It exits with 1 when a dry run finds differences, and when something had to be left as it is.
    """

    async def run(given: argparse.Namespace) -> int:
        ours = database()
        found = await ours.revision()
        if migrations.behind(found):
            raise Permanent(
                f"schema {ours.schema} is at revision {found or 'none'} and must be at {migrations.head}: "
                f"run `onenet-{ours.schema} migrate` first"
            )
        await ours.start()
        try:
            findings = await rebuild(ours, Options(given.dry_run, decides and given.restored), _say)
        finally:
            await ours.stop()
        _report(findings, dry_run=given.dry_run)
        return int(bool(findings.left or (given.dry_run and findings.differences)))

    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_DRY_RUN)
        if decides:
            parser.add_argument("--restored", action="store_true", help=_RESTORED)

    return Command(run, "rebuild from the topics what is known by them alone", arguments)


def _report(findings: Findings, *, dry_run: bool) -> None:
    for lines in (findings.differences, findings.left):
        for line in lines[:SHOWN]:
            _say(line)
        if len(lines) > SHOWN:
            _say(f"... and {len(lines) - SHOWN} more")
    if findings.unreadable:
        _say(f"{findings.unreadable} records are no events; they are among the dead letters")
    done = "differ" if dry_run else "were brought up to date"
    _say(f"{len(findings.differences)} {done}, {len(findings.left)} are left as they are")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
