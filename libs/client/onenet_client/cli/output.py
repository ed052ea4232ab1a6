"""What is printed: results on stdout as table, JSON or YAML; everything else on stderr."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 1000
"""Columns where no terminal sets a limit: a line that a script reads must not wrap."""


class Format(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[
    Format, typer.Option("--output", "-o", help="How to print. json and yaml have every field.")
]


@dataclass(frozen=True)
class Column:
    """One column of a table. ``show`` gives the cell of an object."""

    title: str
    show: Callable[[Any], object]
    wide: bool = False


def plain(value: object) -> str:
    """Text that is safe to print: what others wrote must not steer this terminal."""
    text = "" if value is None else str(value)
    return "".join(
        character if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf") else "\ufffd"
        for character in text
    )


def cell(value: object) -> Text:
    """One line for a table, never read as markup."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(part) for part in value)
    return Text(plain(value).replace("\n", " "))


def console() -> Console:
    """Made when needed, so that it writes to what stdout is by then."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=PIPE_WIDTH)


def stderr() -> Console:
    """For what a person should see and a program should not read."""
    return Console(stderr=True, highlight=False)


def table(things: Sequence[object], columns: Sequence[Column], *, wide: bool = False) -> Table:
    chosen = [column for column in columns if wide or not column.wide]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in chosen:
        drawn.add_column(column.title, overflow="fold")
    for thing in things:
        drawn.add_row(*(cell(column.show(thing)) for column in chosen))
    return drawn


def show_all(things: Sequence[BaseModel], columns: Sequence[Column], form: Format) -> None:
    """Print a list; JSON and YAML print a list too."""
    if form in (Format.JSON, Format.YAML):
        dump([thing.model_dump(mode="json") for thing in things], form)
    else:
        console().print(table(things, columns, wide=form is Format.WIDE), soft_wrap=False)


def show_one(thing: BaseModel, columns: Sequence[Column], form: Format) -> None:
    """Print one object; JSON and YAML print an object."""
    if form in (Format.JSON, Format.YAML):
        dump(thing.model_dump(mode="json"), form)
    else:
        show_all([thing], columns, form)


def dump(value: object, form: Format) -> None:
    if form is Format.YAML:
        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        typer.echo(json.dumps(value, indent=2))


def note(message: str) -> None:
    """Tell the person, not the program that reads stdout."""
    typer.echo(plain(message), err=True)
