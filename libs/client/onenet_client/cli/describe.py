"""A connection in words: what is asked for, how far it is, why."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from onenet_client.cli.columns import end, rules
from onenet_client.cli.output import Column, cell, table
from onenet_client.models import Connection, Side

PLAN = (
    Column("STEP", lambda step: step.action),
    Column("SIDE", lambda step: step.side),
    Column("TARGET", lambda step: step.target),
    Column("WHY", lambda step: step.why),
)
COLOURS = {
    "ESTABLISHED": "green",
    "PLANNED": "green",
    "UP": "green",
    "REJECTED": "red",
    "FAILED": "red",
    "DOWN": "red",
    "DEGRADED": "yellow",
    "PENDING_APPROVAL": "yellow",
}


def status(connection: Connection) -> RenderableType:
    """Everything that moves while a connection is built, and the plan of a dry run."""
    lines = grid()
    lines.add_row("connection", cell(f"{connection.id}  {connection.name}"))
    lines.add_row("between", cell(between(connection)))
    lines.add_row("state", coloured(connection.state))
    lines.add_row("health", coloured(connection.health))
    add(lines, "why", connection.health_reasons)
    add(lines, "ctype", (connection.ctype,))
    add(lines, "details", tuple(f"{name} {value}" for name, value in connection.details.items()))
    add(lines, "reasons", connection.reasons)
    add(lines, "flags", tuple(flag.message or flag.code for flag in connection.flags))
    add(lines, "waits for", (waits_for(connection),))
    return Group(lines, table(connection.plan, PLAN)) if connection.plan else lines


def terms(connection: Connection) -> RenderableType:
    """Exactly what a consent is bound to."""
    lines = grid()
    lines.add_row("connection", cell(f"{connection.id}  {connection.name}"))
    lines.add_row("asked by", cell(connection.requested_by))
    for title, side in (("left", connection.left), ("right", connection.right)):
        if side is not None:
            lines.add_row(title, cell(_side(side)))
            lines.add_row("  addresses", cell(side.subnets))
    lines.add_row("traffic", cell(rules(connection.l4filters)))
    lines.add_row("terms", cell(connection.consent and connection.consent.terms))
    return lines


def between(connection: Connection) -> str:
    left = end(connection.left, connection.resource_left)
    right = end(connection.right, connection.resource_right)
    return f"{left} and {right}"


def line(connection: Connection) -> str:
    """One line for a log: state, and what explains it."""
    words = [connection.state, connection.health if connection.state == "ESTABLISHED" else ""]
    words += [waits_for(connection), *connection.reasons]
    return "  ".join(filter(None, words))


def waits_for(connection: Connection) -> str:
    """Whose consent is missing; empty when nobody's is.

    An established connection waits too, when a network has grown out of what was agreed.
    """
    if connection.state not in ("PENDING_APPROVAL", "ESTABLISHED") or connection.consent is None:
        return ""
    sides = [side for side in (connection.left, connection.right) if side is not None]
    names = {side.service: side.service_name for side in sides}
    missing = [names.get(service) or str(service) for service in connection.consent.missing()]
    return f"consent of {', '.join(missing)}" if missing else ""


def _side(side: Side) -> str:
    place = " ".join(filter(None, (side.account, side.region)))
    return f"{end(side, side.resource)}  {place}".rstrip()


def grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def add(lines: Table, title: str, values: tuple[str | None, ...]) -> None:
    for value in filter(None, values):
        lines.add_row(title, cell(value))


def coloured(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))
