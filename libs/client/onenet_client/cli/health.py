"""Whether packets pass, who says so, and how much of each month they did."""

from __future__ import annotations

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from onenet_client import names
from onenet_client.cli.columns import when
from onenet_client.cli.consent import ConnectionArgument
from onenet_client.cli.describe import add, coloured, grid, status
from onenet_client.cli.output import Column, Format, Output, console, dump, table
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.errors import Unavailable
from onenet_client.models import Availability, Connection, ConnectionHealth, HealthSource


def _why(source: HealthSource) -> str:
    hidden = f"{source.hidden_reasons} more, for the other side's owner" if source.hidden_reasons else ""
    return "; ".join(filter(None, (*source.reasons, hidden)))


def percent(month: Availability) -> str:
    """Rounded down: 100 % is said of nothing that was ever down."""
    return "" if month.ratio is None else f"{int(month.ratio * 100_000) / 1000:.3f} %"


SOURCES = (
    Column("SOURCE", lambda one: one.source),
    Column("SAYS", lambda one: one.health),
    Column("SINCE", lambda one: when(one.since)),
    Column("LAST HEARD", lambda one: f"{one.age:.0f} s ago: {one.latest}"),
    Column("WHY", _why),
)
AVAILABILITY = (
    Column("MONTH (UTC)", lambda one: one.month),
    Column("AVAILABLE", percent),
    Column("DOWN", lambda one: lasted(one.down_seconds)),
    Column("UNKNOWN", lambda one: lasted(one.unknown_seconds)),
    Column("DEGRADED", lambda one: lasted(one.degraded_seconds), wide=True),
    Column("WATCHED", lambda one: lasted(_watched(one)), wide=True),
)


def health(context: typer.Context, connection: ConnectionArgument, output: Output = Format.TABLE) -> None:
    """Show a connection's health: since when, which source says what, availability by month."""

    async def work(client: Client) -> ConnectionHealth:
        return await client.connections.health(await names.connection(client, connection))

    found = run(context, work)
    if output in (Format.JSON, Format.YAML):
        dump(found.model_dump(mode="json"), output)
    else:
        console().print(_shown(found, wide=output is Format.WIDE))


def describe(context: typer.Context, connection: ConnectionArgument) -> None:
    """Show a connection: what it joins, how far it is, its health and this month's availability."""

    async def work(client: Client) -> tuple[Connection, ConnectionHealth | None]:
        found = await names.connection(client, connection)
        try:
            known = await client.connections.health(found)
        except Unavailable:
            known = None
        return await client.connections.get(found), known

    found, known = run(context, work)
    console().print(Group(status(found), summary(known)))


def summary(known: ConnectionHealth | None) -> RenderableType:
    """Health in a few lines; None when it cannot be told now."""
    lines = grid()
    if known is None:
        lines.add_row("availability", "cannot be told now; onenet health says why")
        return lines
    add(lines, "says", tuple(f"{one.source}: {_why(one)}" for one in known.sources if one.health != "UP"))
    for month in known.availability[:1]:
        down = f"{month.month}: {percent(month) or 'unknown'}, down {lasted(month.down_seconds) or '0s'}"
        lines.add_row("availability", down)
    return lines


def lasted(seconds: float) -> str:
    """``2d 3h``, ``4m 10s``: the two largest units; empty for nothing."""
    rest = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount or parts:
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])


def _watched(month: Availability) -> float:
    return month.available_seconds + month.down_seconds + month.unknown_seconds


def _shown(found: ConnectionHealth, *, wide: bool) -> RenderableType:
    lines = grid()
    lines.add_row("health", coloured(found.health))
    add(lines, "since", (when(found.since),))
    add(lines, "why", found.reasons)
    tables: list[Table] = []
    if found.sources:
        tables.append(table(found.sources, SOURCES, wide=wide))
    if found.availability:
        tables.append(table(found.availability, AVAILABILITY, wide=wide))
    return Group(lines, *tables)
