"""Taking things away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from onenet_client import names
from onenet_client.cli.consent import Yes
from onenet_client.cli.output import note
from onenet_client.cli.session import run
from onenet_client.cli.watch import progress
from onenet_client.client import Client
from onenet_common.states import State


class Removable(StrEnum):
    CONNECTION = "connection"
    PROVIDER = "provider"
    SERVICE = "service"


FIND: dict[Removable, Callable[[Client, str], Awaitable[UUID]]] = {
    Removable.CONNECTION: names.connection,
    Removable.PROVIDER: names.provider,
    Removable.SERVICE: names.service,
}


def delete(
    context: typer.Context,
    kind: Annotated[Removable, typer.Argument(help="What they are.")],
    things: Annotated[list[str], typer.Argument(metavar="ID|NAME...", help="Which.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until a connection is DELETED.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 300.0,
    yes: Yes = False,
) -> None:
    """Delete connections, providers or services.

    Deleting a connection takes down what OneNet built at the providers. A provider with live
    connections, or a service with providers, is not deleted (exit code 5).
    """
    ids = run(context, lambda client: _find(client, kind, things))
    if not yes:
        listed = ", ".join(text if text == str(found) else f"{text} ({found})" for text, found in ids.items())
        typer.confirm(f"Delete {kind} {listed}?", abort=True, err=True)
    run(context, lambda client: _delete(client, kind, list(ids.values()), timeout if wait else None))


async def _find(client: Client, kind: Removable, things: list[str]) -> dict[str, UUID]:
    """All of them before any is deleted: one wrong name stops the rest."""
    return {text: await FIND[kind](client, text) for text in things}


async def _delete(client: Client, kind: Removable, ids: list[UUID], timeout: float | None) -> None:
    remove = {
        Removable.CONNECTION: client.connections.delete,
        Removable.PROVIDER: client.providers.delete,
        Removable.SERVICE: client.services.delete,
    }[kind]
    for one in ids:
        await remove(one)
        if kind is not Removable.CONNECTION:
            note(f"{kind} {one} deleted")
        elif timeout is None:
            note(f"{kind} {one} is being deleted; follow it with: onenet watch {one} --until DELETED")
    if kind is Removable.CONNECTION and timeout is not None:
        for one in ids:
            await client.connections.wait_for(one, {State.DELETED}, timeout, on_change=progress)
