"""What happened: to one connection, and by whom."""

from __future__ import annotations

from typing import Annotated

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.consent import ConnectionArgument
from onenet_client.cli.output import Format, Output, note, show_all
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.models import AuditEntry, Page, TimelineEntry


def timeline(context: typer.Context, connection: ConnectionArgument, output: Output = Format.TABLE) -> None:
    """Show a connection's life: each event, when, who, and its trace."""

    async def work(client: Client) -> list[TimelineEntry]:
        return await client.connections.timeline(await names.connection(client, connection)).all()

    show_all(run(context, work), columns.TIMELINE, output)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show who changed what: administrators see all, others their own objects."""

    async def work(client: Client) -> Page[AuditEntry]:
        if everything:
            return Page[AuditEntry](items=tuple(await client.audit().all()))
        return await client.audit().page(limit=limit)

    page = run(context, work)
    show_all(page.items, columns.AUDIT, output)
    if page.next is not None:
        note(f"only the first {len(page.items)}; --all shows the rest")
