"""Moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def since(text: str) -> datetime:
    """An age or a time of day as a moment; without a zone it is this machine's."""
    if (age := re.fullmatch(r"([0-9]{1,5})([mhd])", text)) is not None:
        return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}: 30m, 2h, 3d or 2026-11-25T03:00 is expected") from None
    return moment if moment.tzinfo else moment.astimezone()


Since = Annotated[
    datetime | None,
    typer.Option(parser=since, metavar="AGE|TIME", help="Not older: 30m, 2h, 3d or 2026-11-25T03:00."),
]
