"""What a service can be told on its command line; without a command it runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from onenet_common.errors import OneNetError


@dataclass(frozen=True, slots=True)
class Command:
    """Something that is done once.

    Args:
        run: takes the parsed arguments and returns the exit code.
        help: one line.
        arguments: adds the command's own arguments.
    """

    run: Callable[[argparse.Namespace], Coroutine[Any, Any, int]]
    help: str
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


def dispatch(program: str, serve: Callable[[], None], commands: Mapping[str, Command]) -> None:
    """Run the service, or the command that the command line names, and then exit with its code."""
    parser = argparse.ArgumentParser(
        program, description="Runs until SIGTERM when no command is given. Settings come from ONENET_ names."
    )
    known = parser.add_subparsers(dest="command", metavar="command")
    for name, command in commands.items():
        command.arguments(known.add_parser(name, help=command.help, description=command.help))
    given = parser.parse_args()
    if given.command is None:
        return serve()
    try:
        sys.exit(asyncio.run(commands[given.command].run(given)))
    except OneNetError as error:
        sys.exit(f"{program} {given.command}: {error.reason}")
