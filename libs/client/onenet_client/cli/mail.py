"""``onenet mail``: what the caller is told by mail."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from onenet_client import names
from onenet_client.cli.output import Column, Format, Output, console, dump, note, table
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.models import MailChoice, MailPreferences

SHORT = "What you are told by mail: show, choose."
GUIDE = """What you are told by mail, and when.

immediately: each event at once. hourly: a digest at the full hour. daily: one
at 7:00 UTC. off: nothing, which is what you have before you choose.

Mails go to the address in your sign-in. The groups that you own services by
are taken as they are when you choose: choose again after they have changed.
"""


class When(StrEnum):
    IMMEDIATELY = "immediately"
    HOURLY = "hourly"
    DAILY = "daily"
    OFF = "off"


_CHOICES = (
    Column("FOR", lambda row: row[0]),
    Column("WHEN", lambda row: row[1].when),
    Column("EVENTS", lambda row: row[1].types or "all"),
)


def show(context: typer.Context, output: Output = Format.TABLE) -> None:
    """Show what you are told by mail."""

    async def work(client: Client) -> tuple[MailPreferences, Mapping[UUID, str]]:
        return await client.mail.read(), await _names(client)

    _print(*run(context, work), output)


def choose(
    context: typer.Context,
    when: Annotated[When, typer.Argument(help="When.")],
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type", help="Of these events, such as connection.failed; repeatable; of all by default."
        ),
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="For this service alone; the choice for all others stays.")
    ] = None,
    as_others: Annotated[
        bool, typer.Option("--as-others", help="Forget what was chosen for single services.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Choose when to be told, and of what: for all of your services, or for one."""
    if service is not None and as_others:
        raise typer.BadParameter("--service and --as-others exclude each other")
    chosen = MailChoice(when=when, types=tuple(types or ()))

    async def work(client: Client) -> tuple[MailPreferences, Mapping[UUID, str]]:
        before = await client.mail.read()
        if service is None:
            made = await client.mail.choose(chosen, {} if as_others else before.services)
        else:
            of = await names.service(client, service)
            made = await client.mail.choose(before.everything, {**before.services, of: chosen})
        return made, await _names(client)

    _print(*run(context, work), output)


async def _names(client: Client) -> Mapping[UUID, str]:
    return {one.id: one.name async for one in client.services.find()}


def _print(chosen: MailPreferences, known: Mapping[UUID, str], output: Format) -> None:
    if output in (Format.JSON, Format.YAML):
        dump(chosen.model_dump(mode="json"), output)
        return
    single = [(known.get(one, str(one)), choice) for one, choice in chosen.services.items()]
    console().print(table([("all services", chosen.everything), *single], _CHOICES))
    note(f"mails go to {chosen.address}" if chosen.address else "nothing was chosen yet")
