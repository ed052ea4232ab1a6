"""What happens, as it happens."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Annotated

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.output import Format, Output, dump, plain
from onenet_client.cli.session import run
from onenet_client.cli.times import Since
from onenet_client.client import Client
from onenet_client.models import Event

A_WHILE = timedelta(hours=1)


def events(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    since: Since = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Such as connection.established; repeatable.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="ID", help="Of this connection: id, its beginning, or name.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what happened to your connections, providers and resources, and what their traffic showed.

    Without -f, what happened until now in the order of time, of the last hour unless --since says
    otherwise. With -f, what comes from now on, or since then; when the connection breaks, it goes on
    where it was. With -o json every event is one line.
    """
    begin = since or (None if follow else datetime.now(UTC) - A_WHILE)

    async def work(client: Client) -> None:
        found = await names.connection(client, connection) if connection else None
        told = client.events.follow(since=begin, types=types or (), connection=found, until_now=not follow)
        async with aclosing(told):
            if follow:
                async for event in told:
                    _show(event, output)
                return
            # The stream has what was by topic and partition, each in its own order.
            for event in sorted([event async for event in told], key=attrgetter("time")):
                _show(event, output)

    run(context, work)


def _show(event: Event, output: Format) -> None:
    if output is Format.JSON:
        typer.echo(event.model_dump_json())
    elif output is Format.YAML:
        dump([event.model_dump(mode="json")], Format.YAML)
    else:
        kind = event.type.removeprefix("onenet.").rpartition(".v")[0]
        words = [columns.when(event.time), kind, event.about, event.summary]
        if output is Format.WIDE:
            words += [event.actor or "", event.trace_id or ""]
        typer.echo(plain("  ".join(words)).replace("\n", " "))
