"""Following a connection while it changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.live import Live

from onenet_client import names
from onenet_client.cli.describe import line, status
from onenet_client.cli.output import Format, Output, console, dump, note, plain
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.models import Connection
from onenet_common.states import SETTLED, State

GOOD = SETTLED - {State.REJECTED, State.FAILED}


def watch(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(metavar="ID", help="Id, its beginning, or name.")],
    until: Annotated[
        list[State] | None, typer.Option(help="Stop in this state; repeatable; when it settles otherwise.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds; for ever otherwise.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Watch a connection until it settles.

    Ends with 0 in the state waited for (without --until: PLANNED, ESTABLISHED or DELETED), with 1
    when it comes to rest elsewhere, such as REJECTED, and with 6 when time runs out. With -o json
    every change is one line.
    """

    async def follow(client: Client) -> None:
        found = await names.connection(client, connection)
        with _display(output) as show:
            await client.connections.wait_for(found, frozenset(until or GOOD), timeout, on_change=show)

    run(context, follow)


def progress(connection: Connection) -> None:
    """Tell a waiting person how far it is."""
    note(f"{connection.id}  {line(connection)}")


@contextmanager
def _display(output: Format) -> Iterator[Callable[[Connection], None]]:
    if output is Format.JSON:
        yield lambda connection: typer.echo(connection.model_dump_json())
    elif output is Format.YAML:
        yield lambda connection: dump([connection.model_dump(mode="json")], Format.YAML)
    elif not sys.stdout.isatty():
        yield lambda connection: typer.echo(plain(line(connection)))
    else:
        with Live(console=console(), auto_refresh=False) as live:
            yield lambda connection: live.update(status(connection), refresh=True)
