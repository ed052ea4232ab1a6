"""What connections carry."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.consent import ConnectionArgument
from onenet_client.cli.output import Format, Output, console, dump, note, table
from onenet_client.cli.session import run
from onenet_client.cli.times import Since, Until
from onenet_client.client import Client
from onenet_client.models import Busiest, Traffic

REFRESH = 5.0
"""Seconds between two looks of ``top``; flow logs come by the minute."""


def traffic(
    context: typer.Context,
    connection: ConnectionArgument,
    step: Annotated[str, typer.Option(help="minute, hour or day.")] = "hour",
    since: Since = None,
    until: Until = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what a connection carried, by time and by port.

    Flow logs come late, by ten minutes at AWS: the newest lines grow until they are in.
    """

    async def work(client: Client) -> Traffic:
        found = await names.connection(client, connection)
        return await client.traffic.of(found, step=step, since=since, until=until)

    shown = run(context, work)
    if output in (Format.JSON, Format.YAML):
        dump(shown.model_dump(mode="json"), output)
        return
    if not shown.points:
        last = columns.when(shown.last_seen) or "never"
        span = f"from {columns.when(shown.since)} to {columns.when(shown.until)}"
        note(f"no traffic {span}; seen last: {last}")
        return
    wide = output is Format.WIDE
    console().print(table(shown.points, columns.TRAFFIC, wide=wide))
    console().print()
    console().print(table(shown.ports, columns.PORTS, wide=wide))


def top(
    context: typer.Context,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="Of the last so many minutes.")] = 15,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show which connections carry most, and keep showing it until Ctrl-C.

    Without a terminal, or with -o json or yaml, it is shown once.
    """

    async def work(client: Client) -> None:
        busiest = await client.traffic.busiest(minutes=minutes, limit=limit)
        if output in (Format.JSON, Format.YAML):
            return dump(busiest.model_dump(mode="json"), output)
        if once or not sys.stdout.isatty():
            return console().print(_busiest(busiest, output))
        with Live(_busiest(busiest, output), console=console(), auto_refresh=False) as live:
            while True:
                await asyncio.sleep(REFRESH)
                busiest = await client.traffic.busiest(minutes=minutes, limit=limit)
                live.update(_busiest(busiest, output), refresh=True)

    try:
        run(context, work)
    except KeyboardInterrupt:
        return


def _busiest(busiest: Busiest, output: Format) -> RenderableType:
    head = f"{columns.when(busiest.since)} to {columns.when(busiest.until)}"
    return Group(head, table(busiest.items, columns.BUSIEST, wide=output is Format.WIDE))
