"""Times as people type them: how long ago, how far ahead, or a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def ahead(text: str) -> datetime:
    """The moment that lies this far ahead."""
    if (length := _length(text)) is None:
        raise typer.BadParameter(f"{text!r} is no length of time; write 30m, 12h or 30d")
    return datetime.now(UTC) + length


def since(text: str) -> datetime:
    """An age or a time of day as a moment; without a zone it is this machine's."""
    if (age := _length(text)) is not None:
        return datetime.now(UTC) - age
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}: 30m, 2h, 3d or 2026-11-25T03:00 is expected") from None
    return moment if moment.tzinfo else moment.astimezone()


def _length(text: str) -> timedelta | None:
    parts = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    return timedelta(**{UNITS[parts[2]]: int(parts[1])}) if parts is not None else None


Since = Annotated[
    datetime | None,
    typer.Option(parser=since, metavar="AGE|TIME", help="Not older: 30m, 2h, 3d or 2026-11-25T03:00."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=since, metavar="AGE|TIME", help="Not newer; now by default."),
]
