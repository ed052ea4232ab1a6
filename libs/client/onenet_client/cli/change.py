"""Wanting a connection otherwise."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.connect import say_next
from onenet_client.cli.consent import ConnectionArgument
from onenet_client.cli.output import Format, Output, show_one
from onenet_client.cli.session import run
from onenet_client.cli.wishes import Bandwidth, Filters, Latency, MonthlyGb
from onenet_client.client import Client
from onenet_client.inventory import given
from onenet_client.models import Connection


class Wish(StrEnum):
    NAME = "name"
    CTYPE = "ctype"
    FILTER = "filter"
    BANDWIDTH = "bandwidth"
    LATENCY = "latency"
    MONTHLY_GB = "monthly-gb"


FIELDS = {Wish.NAME: "name", Wish.CTYPE: "ctype", Wish.FILTER: "l4filters"}
REQUIREMENTS = {
    Wish.BANDWIDTH: "bandwidth_mbps",
    Wish.LATENCY: "latency_ms",
    Wish.MONTHLY_GB: "monthly_gb",
}


def change(
    context: typer.Context,
    connection: ConnectionArgument,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    ctype: Annotated[str | None, typer.Option(help="Build it this way.")] = None,
    l4filters: Filters = None,
    bandwidth: Bandwidth = None,
    latency: Latency = None,
    monthly_gb: MonthlyGb = None,
    encryption: Annotated[
        bool | None, typer.Option("--encryption/--no-encryption", help="Whether it must be encrypted.")
    ] = None,
    unset: Annotated[
        list[Wish] | None, typer.Option(help="Back to what a new connection has by default; repeatable.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Change what a connection is for; what is not named stays as it is.

    Filters replace those of before, all of them. The other side's owner is asked anew when filters
    or addresses are others; until then, and if it comes to nothing, what is established stays.
    """
    fields = given(
        name=name,
        ctype=ctype,
        l4filters=[rule.model_dump(mode="json") for rule in l4filters] if l4filters else None,
    )
    wishes = given(bandwidth_mbps=bandwidth, latency_ms=latency, monthly_gb=monthly_gb, encryption=encryption)
    patch = _merge_patch(fields, wishes, unset or [])
    if not patch:
        raise typer.BadParameter("name what is to be changed, such as --filter tcp:443")

    async def work(client: Client) -> Connection:
        return await client.connections.change(await names.connection(client, connection), patch)

    changed = run(context, work)
    show_one(changed, columns.CONNECTIONS, output)
    say_next(changed)


def _merge_patch(fields: dict[str, Any], wishes: dict[str, Any], unset: list[Wish]) -> dict[str, Any]:
    patch = fields | {FIELDS[wish]: None for wish in unset if wish in FIELDS}
    requirements = wishes | {REQUIREMENTS[wish]: None for wish in unset if wish in REQUIREMENTS}
    return patch | {"requirements": requirements} if requirements else patch
