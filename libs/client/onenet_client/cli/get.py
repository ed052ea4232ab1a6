"""Reading what there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from onenet_client import names
from onenet_client.cli import columns
from onenet_client.cli.output import Column, Format, Output, note, show_all, show_one
from onenet_client.cli.session import run
from onenet_client.client import Client
from onenet_client.listing import Listing


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Args:
        filters: the options that narrow its list.
        one: gets a single object by whatever names it; None when the name is a search.
    """

    columns: tuple[Column, ...]
    filters: frozenset[str]
    find: Callable[..., Any]
    one: Callable[[Client, str], Awaitable[BaseModel]] | None = None


async def _service(client: Client, text: str) -> BaseModel:
    return await client.services.get(await names.service(client, text))


async def _provider(client: Client, text: str) -> BaseModel:
    return await client.providers.get(await names.provider(client, text))


async def _resource(client: Client, text: str) -> BaseModel:
    return await client.resources.get(await names.own_resource(client, text))


async def _connection(client: Client, text: str) -> BaseModel:
    return await client.connections.get(await names.connection(client, text))


KINDS = {
    "services": Kind(columns.SERVICES, frozenset({"sort"}), lambda client: client.services.find, _service),
    "providers": Kind(
        columns.PROVIDERS, frozenset({"service", "sort"}), lambda client: client.providers.find, _provider
    ),
    "resources": Kind(
        columns.RESOURCES,
        frozenset({"service", "provider", "state", "contains", "sort"}),
        lambda client: client.resources.find,
        _resource,
    ),
    "connections": Kind(
        columns.CONNECTIONS,
        frozenset({"state", "ctype", "health", "service", "resource", "contains", "sort"}),
        lambda client: client.connections.find,
        _connection,
    ),
    "directory": Kind(
        columns.DIRECTORY, frozenset({"service", "q"}), lambda client: client.directory.resources
    ),
}


def _kind(text: str) -> str:
    """Also in the singular, as people type it."""
    for name in (text, f"{text}s"):
        if name in KINDS:
            return name
    raise typer.BadParameter(f"{text!r} is none of {', '.join(KINDS)}")


def get(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            parser=_kind,
            metavar="KIND",
            help=f"One of {', '.join(KINDS)}.",
            autocompletion=lambda incomplete: [name for name in KINDS if name.startswith(incomplete)],
        ),
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="[ID|NAME]", help="One object; in the directory, a search.")
    ] = None,
    state: Annotated[list[str] | None, typer.Option(help="In this state; repeatable.")] = None,
    ctype: Annotated[str | None, typer.Option(help="Built this way, such as AWS_PEERING.")] = None,
    health: Annotated[str | None, typer.Option(help="UNKNOWN, UP, DEGRADED or DOWN.")] = None,
    service: Annotated[str | None, typer.Option(help="Of this service.")] = None,
    provider: Annotated[str | None, typer.Option(help="Of this provider.")] = None,
    resource: Annotated[str | None, typer.Option(help="With this resource as a side.")] = None,
    contains: Annotated[str | None, typer.Option(help="Holding this address or CIDR block.")] = None,
    q: Annotated[str | None, typer.Option("--search", "-q", help="With these words (directory).")] = None,
    sort: Annotated[str | None, typer.Option(help="By this field; -field for the reverse.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="All, however many.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List services, providers, resources, connections or the directory; or show one object."""
    chosen = KINDS[kind]
    if name is not None and chosen.one is not None:
        one = chosen.one
        thing = run(context, lambda client: one(client, name))
        show_one(thing, chosen.columns, output)
        return
    options = {
        "state": state,
        "ctype": ctype,
        "health": health,
        "service": service,
        "provider": provider,
        "resource": resource,
        "contains": contains,
        "q": q or name,
        "sort": sort,
    }
    given = {option: value for option, value in options.items() if value}
    _check_fits(kind, given)
    things, more = run(context, lambda client: _list(client, chosen, given, limit, everything))
    show_all(things, chosen.columns, output)
    if more:
        note(f"only the first {len(things)}; --all shows the rest")


def _check_fits(kind: str, given: dict[str, Any]) -> None:
    allowed = KINDS[kind].filters
    for option in given:
        if option not in allowed:
            these = ", ".join(_option(name) for name in sorted(allowed))
            raise typer.BadParameter(f"does not narrow {kind}; these do: {these}", param_hint=_option(option))


def _option(name: str) -> str:
    return "--search" if name == "q" else f"--{name}"


async def _list(
    client: Client, kind: Kind, given: dict[str, Any], limit: int, everything: bool
) -> tuple[list[BaseModel], bool]:
    """The objects, and whether there are more."""
    resolve = {
        "service": names.directory_service if kind.one is None else names.service,
        "provider": names.provider,
        "resource": names.resource,
    }
    filters = {
        option: await resolve[option](client, value) if option in resolve else value
        for option, value in given.items()
    }
    listing: Listing[Any] = kind.find(client)(**filters)
    if everything:
        return await listing.all(), False
    page = await listing.page(limit=limit)
    return list(page.items), page.next is not None
