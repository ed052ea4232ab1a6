"""Options that say what a connection must carry."""

from __future__ import annotations

from typing import Annotated

import typer

from onenet_client import filters
from onenet_common.connection import L4Filter


def _filter(text: str) -> L4Filter:
    try:
        return filters.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Filters = Annotated[
    list[L4Filter] | None,
    typer.Option(
        "--filter",
        parser=_filter,
        metavar="PROTOCOL[:PORT[-PORT]][:DIRECTION]",
        help="Such as tcp:443:left_to_right; repeatable; a new one has the resources' own otherwise.",
    ),
]
Bandwidth = Annotated[int | None, typer.Option(min=1, help="Megabits a second it must carry.")]
Latency = Annotated[float | None, typer.Option(min=0.001, help="Longest round trip in ms.")]
MonthlyGb = Annotated[float | None, typer.Option(min=0, help="Gigabytes a month, both ways.")]
