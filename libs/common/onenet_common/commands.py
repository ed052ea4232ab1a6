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


@dataclass(frozen=True, slots=True)
class Service:
    """Something that runs until SIGTERM.

    Args:
        serve: returns when it has stopped.
        help: one line.
    """

    serve: Callable[[], None]
    help: str


def dispatch(program: str, serve: Callable[[], None], commands: Mapping[str, Command | Service]) -> None:
    """Run the service, or the command that the command line names, and then exit with its code."""
    parser = argparse.ArgumentParser(
        program, description="Runs until SIGTERM when no command is given. Settings come from ONENET_ names."
    )
    known = parser.add_subparsers(dest="command", metavar="command")
    for name, command in commands.items():
        parsed = known.add_parser(name, help=command.help, description=command.help)
        if isinstance(command, Command):
            command.arguments(parsed)
    given = parser.parse_args()
    if given.command is None:
        return serve()
    command = commands[given.command]
    if isinstance(command, Service):
        return command.serve()
    try:
        sys.exit(asyncio.run(command.run(given)))
    except OneNetError as error:
        sys.exit(f"{program} {given.command}: {error.reason}")
