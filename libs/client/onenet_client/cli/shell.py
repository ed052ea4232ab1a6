"""What concerns the command itself."""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import version as installed
from typing import Annotated

import typer
from typer.completion import shell_complete

PROGRAM = "onenet"
COMPLETION_VARIABLE = "_ONENET_COMPLETE"


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    context: typer.Context, shell: Annotated[Shell, typer.Argument(help="Your shell.")] = Shell.BASH
) -> None:
    """Print the script that completes commands and options in your shell."""
    command = context.find_root().command
    shell_complete(command, {}, PROGRAM, COMPLETION_VARIABLE, f"source_{shell}")


def version() -> None:
    """Print the version of this command."""
    typer.echo(f"{PROGRAM} {installed('onenet')}")
