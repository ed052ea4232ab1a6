"""The other side's word: agreeing to a connection, or not."""

from __future__ import annotations

from typing import Annotated

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.describe import terms, waits_for
from onenet_client.cli.output import Format, Output, show_one, stderr
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.errors import Differs
from onenet_client.models import Connection
from onenet_common.states import DesiredState

ConnectionArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, its beginning, or name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def approve(
    context: typer.Context, connection: ConnectionArgument, yes: Yes = False, output: Output = Format.TABLE
) -> None:
    """Agree to a connection with a service of yours.

    Shows the addresses of both sides and the traffic. The consent is bound to exactly these: if
    they change in between, nothing is agreed to.
    """
    pending = run(context, lambda client: _read(client, connection))
    digest = _digest(pending)
    stderr().print(terms(pending))
    if not yes:
        typer.confirm("Agree to exactly this?", abort=True, err=True)

    async def agree(client: Client) -> Connection:
        await client.connections.approve(pending.id, digest)
        return await client.connections.get(pending.id)

    show_one(run(context, agree), columns.CONNECTIONS, output)


def refuse(
    context: typer.Context,
    connection: ConnectionArgument,
    reason: Annotated[str, typer.Option(help="What the other side is told.")],
    output: Output = Format.TABLE,
) -> None:
    """Refuse a connection with a service of yours."""

    async def work(client: Client) -> Connection:
        found = await names.connection(client, connection)
        await client.connections.refuse(found, reason)
        return await client.connections.get(found)

    show_one(run(context, work), columns.CONNECTIONS, output)


def retry(
    context: typer.Context,
    connection: ConnectionArgument,
    build: Annotated[bool, typer.Option("--build", help="Carry out what a dry run had planned.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Begin again with a connection that was REJECTED or FAILED, or build what was PLANNED."""

    async def work(client: Client) -> Connection:
        found = await names.connection(client, connection)
        await client.connections.retry(found, desired_state=DesiredState.ESTABLISHED if build else None)
        return await client.connections.get(found)

    show_one(run(context, work), columns.CONNECTIONS, output)


def _digest(connection: Connection) -> str:
    """What a consent is bound to.

    Raises:
        Differs: there is nothing to agree to for this user.
    """
    if connection.consent is None or not connection.consent.missing():
        raise Differs(f"connection {connection.id} is {connection.state} and waits for nobody's consent")
    if connection.consent.terms is None:
        raise Differs(f"connection {connection.id} waits for the {waits_for(connection)}, not for yours")
    return connection.consent.terms


async def _read(client: Client, text: str) -> Connection:
    return await client.connections.get(await names.connection(client, text))
