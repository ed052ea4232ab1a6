"""Asking for a connection."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.describe import status, waits_for
from onenet_client.cli.output import Format, Output, console, note, show_one
from onenet_client.cli.session import run
from onenet_client.cli.watch import progress
from onenet_client.cli.wishes import Bandwidth, Filters, Latency, MonthlyGb
from onenet_client.client import Client
from onenet_client.inventory import given
from onenet_client.models import Connection
from onenet_common.connection import Requirements
from onenet_common.states import DesiredState, State


def connect(
    context: typer.Context,
    left: Annotated[str, typer.Argument(metavar="A", help="A resource, or a service that has exactly one.")],
    right: Annotated[str, typer.Argument(metavar="B", help="The other end, yours or somebody else's.")],
    name: Annotated[str | None, typer.Option(help="What to call the connection.")] = None,
    ctype: Annotated[str | None, typer.Option(help="Build it this way; OneNet chooses otherwise.")] = None,
    l4filters: Filters = None,
    bandwidth: Bandwidth = None,
    latency: Latency = None,
    monthly_gb: MonthlyGb = None,
    encryption: Annotated[bool, typer.Option("--encryption", help="It must be encrypted.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over a path that exists already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build nothing; wait for the plan and show it.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is ESTABLISHED.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 300.0,
    output: Output = Format.TABLE,
) -> None:
    """Ask for a connection between two resources.

    If the other side has asked for the same one already, this is your consent to it.
    """
    wishes = given(
        bandwidth_mbps=bandwidth, latency_ms=latency, monthly_gb=monthly_gb, encryption=encryption or None
    )

    async def ask(client: Client) -> Connection:
        ends = await names.resource(client, left), await names.resource(client, right)
        asked = await client.connections.create(
            *ends,
            name=name,
            ctype=ctype,
            l4filters=l4filters or None,
            requirements=Requirements.model_validate(wishes) if wishes else None,
            adopt=adopt,
            desired_state=DesiredState.PLANNED if dry_run else None,
        )
        if not (wait or dry_run):
            return asked
        _say_who_agrees(asked)
        return await _wait(client, asked.id, State.PLANNED if dry_run else State.ESTABLISHED, timeout)

    connection = run(context, ask)
    if dry_run and output in (Format.TABLE, Format.WIDE):
        console().print(status(connection))
    else:
        show_one(connection, columns.CONNECTIONS, output)
    say_next(connection)


async def _wait(client: Client, connection: UUID, state: State, timeout: float) -> Connection:
    return await client.connections.wait_for(connection, {state}, timeout, on_change=progress)


def say_next(connection: Connection) -> None:
    _say_who_agrees(connection)
    if not waits_for(connection) and connection.state in (State.REQUESTED, State.PROVISIONING):
        note(f"follow it with: onenet watch {connection.id}")


def _say_who_agrees(connection: Connection) -> None:
    if waiting := waits_for(connection):
        note(f"waits for {waiting}; an owner there runs: onenet approve {connection.id}")
