"""Who depends on whom, from the traffic alone."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby
from typing import Annotated

import typer
from rich.tree import Tree

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.output import Format as Printed
from onenet_client.cli.output import cell, console, dump, note, plain, table
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.graph import Arrow, arrows, dot, mermaid
from onenet_client.models import Dependencies


class Format(StrEnum):
    TREE = "tree"
    TABLE = "table"
    DOT = "dot"
    MERMAID = "mermaid"
    JSON = "json"
    YAML = "yaml"


def deps(
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="At either end.")] = None,
    over: Annotated[
        str | None, typer.Option(help="connection, internet, or other: over nothing of OneNet's.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How to print; dot and mermaid draw it.")
    ] = Format.TREE,
) -> None:
    """Show which services talk to which: over what, on which ports, how much.

    It is drawn from flow logs; who does not log is not in it.
    """

    async def work(client: Client) -> Dependencies:
        of = await names.directory_service(client, service) if service is not None else None
        return await client.traffic.dependencies(service=of, carried_by=over)

    graph = run(context, work)
    if output in (Format.JSON, Format.YAML):
        dump(graph.model_dump(mode="json", exclude={"next"}), Printed(output))
        return
    found = arrows(graph)
    if not found:
        note("nobody was seen to talk to anybody; flow logs of your networks are needed")
    match output:
        case Format.DOT:
            typer.echo(plain(dot(found)))
        case Format.MERMAID:
            typer.echo(plain(mermaid(found)))
        case Format.TABLE:
            console().print(table(found, columns.DEPENDENCIES))
        case _:
            for tree in trees(found):
                console().print(tree)


def trees(found: Sequence[Arrow]) -> list[Tree]:
    """A tree for each client, with the servers that it asks."""
    drawn = []
    by_client = sorted(found, key=lambda arrow: arrow.client)
    for client, asked in groupby(by_client, key=lambda arrow: arrow.client):
        tree = Tree(cell(client))
        for one in asked:
            tree.add(cell(f"{one.server}  {one.label}  {columns.size(one.bytes)}"))
        drawn.append(tree)
    return drawn
