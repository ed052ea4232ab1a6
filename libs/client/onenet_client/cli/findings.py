"""What traffic shows that its owners should know, and what they say to it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.output import Column, Format, Output, console, dump, note, show_all, show_one, table
from onenet_client.cli.session import run
from onenet_client.cli.times import ahead
from onenet_client.client import Client
from onenet_client.models import Finding, Page

SHORT = "What traffic shows that you should know: list, show, ack, mute, reopen."
GUIDE = """What traffic shows that you should know.

internet_detour: two networks talk over the internet, though a connection
could carry it. cleartext: anybody on the way can read it. refused: a filter
stops it, and this says which. idle: nobody uses the connection. near_limit:
it is nearly full. cost_above_estimate: it costs more than you expected.

A finding closes by itself when its cause is gone. Acknowledge what you know
of; mute what you do not want to hear of again.
"""

FindingArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, or its beginning.")]
Note = Annotated[str, typer.Option(help="Why, for the others.")]
_FIELDS = (Column("FIELD", lambda pair: pair[0]), Column("VALUE", lambda pair: pair[1]))


def show_list(
    context: typer.Context,
    state: Annotated[
        list[str] | None, typer.Option(help="OPEN (by default), ACKNOWLEDGED, MUTED, CLOSED; repeatable.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind, such as cleartext.")] = None,
    service: Annotated[str | None, typer.Option(help="About this service's networks.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List findings, the newest first."""

    async def work(client: Client) -> Page[Finding]:
        of = await names.service(client, service) if service is not None else None
        return await client.findings.find(state=state or (), kind=kind, service=of).page(limit=limit)

    page = run(context, work)
    show_all(page.items, columns.FINDINGS, output)
    if page.next is not None:
        note(f"only the first {len(page.items)}; --limit shows more")


def show(context: typer.Context, finding: FindingArgument, output: Output = Format.TABLE) -> None:
    """Show one finding with its evidence and what to do about it."""

    async def work(client: Client) -> Finding:
        return await client.findings.get(await _id(client, finding))

    found = run(context, work)
    if output in (Format.JSON, Format.YAML):
        dump(found.model_dump(mode="json"), output)
        return
    owners = [f"{one.name} ({', '.join(one.owners)})" for one in found.services]
    lines = [
        ("finding", f"{found.id}  {found.kind}"),
        ("state", found.state),
        ("what", found.summary),
        ("remedy", found.remedy),
        ("owners", ", ".join(owners)),
        ("opened", columns.when(found.opened_at)),
        ("confirmed", columns.when(found.confirmed_at)),
        ("closed", columns.when(found.closed_at)),
        ("marked by", found.marked_by),
        ("muted until", columns.when(found.muted_until)),
        ("note", found.note),
    ]
    evidence = [(f"  {name}", value) for name, value in found.evidence.items()]
    shown = [*(line for line in lines if line[1]), ("evidence", ""), *evidence]
    console().print(table(shown, _FIELDS))


def acknowledge(
    context: typer.Context, finding: FindingArgument, note: Note = "", output: Output = Format.TABLE
) -> None:
    """Say that you know of it; it is news again when it closes and opens anew."""

    async def work(client: Client) -> Finding:
        return await client.findings.acknowledge(await _id(client, finding), note)

    show_one(run(context, work), columns.FINDINGS, output)


def mute(
    context: typer.Context,
    finding: FindingArgument,
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="12h, 30d; for good by default.")
    ] = None,
    note: Note = "",
    output: Output = Format.TABLE,
) -> None:
    """Do not want to hear of it, however often it opens."""
    until = ahead(length) if length is not None else None

    async def work(client: Client) -> Finding:
        return await client.findings.mute(await _id(client, finding), note, until=until)

    show_one(run(context, work), columns.FINDINGS, output)


def reopen(context: typer.Context, finding: FindingArgument, output: Output = Format.TABLE) -> None:
    """Take an acknowledgement or a muting back."""

    async def work(client: Client) -> Finding:
        return await client.findings.reopen(await _id(client, finding))

    show_one(run(context, work), columns.FINDINGS, output)


async def _id(client: Client, text: str) -> UUID:
    if (known := names.as_id(text)) is not None:
        return known
    states = ("OPEN", "ACKNOWLEDGED", "MUTED", "CLOSED")
    every = await client.findings.find(state=states).all()
    begun = [one for one in every if str(one.id).startswith(text.lower())]
    return names.only("finding", text, begun, lists="onenet findings list").id
