"""From what people write to what the API wants: ids from names, abbreviations and provider ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from onenet_client.client import Client
from onenet_client.errors import Ambiguous, NoMatch
from onenet_client.models import DirectoryResource, DirectoryService
from onenet_common.states import State

ABBREVIATION = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")


class Named(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def as_id(text: str) -> UUID | None:
    """The id that a text is, in the one way in which the API writes ids."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None


def native(name: str) -> str:
    r"""``vpc-1`` of ``AWS\vpc-1``: a backslash is a nuisance in every shell."""
    return name.rpartition("\\")[2]


def called(text: str, things: Iterable[N]) -> list[N]:
    """Those with this name or native id; when none has it, those whose id begins with it."""
    things = list(things)
    named = [thing for thing in things if text in (thing.name, native(thing.name))]
    if named or not ABBREVIATION.fullmatch(text.lower()):
        return named
    return [thing for thing in things if str(thing.id).startswith(text.lower())]


def only(
    kind: str,
    text: str,
    found: Sequence[N],
    label: Callable[[N], str] | None = None,
    *,
    lists: str | None = None,
) -> N:
    """The single one found.

    Args:
        lists: the command that lists them; ``onenet get`` by default.

    Raises:
        NoMatch: there is none.
        Ambiguous: there are several; they are named.
    """
    if not found:
        raise NoMatch(f"no {kind} {text!r} that you may see; `{lists or f'onenet get {kind}s'}` lists them")
    if len(found) > 1:
        candidates = tuple(label(thing) if label else f"{thing.id}  {thing.name}" for thing in found)
        raise Ambiguous(f"{text!r} may be any of {len(found)} {kind}s; give the id of one:", candidates)
    return found[0]


async def service(client: Client, text: str) -> UUID:
    """The id of one of the caller's services, by id, name or abbreviated id."""
    return as_id(text) or only("service", text, called(text, await client.services.find().all())).id


async def provider(client: Client, text: str) -> UUID:
    return as_id(text) or only("provider", text, called(text, await client.providers.find().all())).id


async def own_resource(client: Client, text: str) -> UUID:
    return as_id(text) or only("resource", text, called(text, await client.resources.find().all())).id


async def connection(client: Client, text: str) -> UUID:
    """The id of a connection; a deleted one only when no other bears the name."""
    if (known := as_id(text)) is not None:
        return known
    found = called(text, await client.connections.find().all())
    return only("connection", text, [one for one in found if one.state != State.DELETED] or found).id


async def directory_service(client: Client, text: str) -> UUID:
    """The id of anybody's service."""
    if (known := as_id(text)) is not None:
        return known
    return only("service", text, called(text, await client.directory.services(q=text).all())).id


async def resource(client: Client, text: str) -> UUID:
    r"""The id of any resource in the directory.

    Args:
        text: an id; a name (``AWS\vpc-1``) or native id (``vpc-1``); ``service/name``; a service
            that has exactly one resource; the beginning of an id.
    """
    if (known := as_id(text)) is not None:
        return known
    for find in (_by_name, _by_service_and_name, _by_service, _by_id):
        if found := await find(client, text):
            return only("resource", text, found, _label).id
    raise NoMatch(f"no resource {text!r} in the directory; `onenet get directory` lists all")


async def _by_name(client: Client, text: str) -> list[DirectoryResource]:
    found = await client.directory.resources(q=native(text)).all()
    return [one for one in found if text in (one.name, native(one.name))]


async def _by_service_and_name(client: Client, text: str) -> list[DirectoryResource]:
    """Of two services with one name, either may have the resource; so all are looked at."""
    owner, slash, name = text.partition("/")
    if not slash:
        return []
    return [one for one in await _by_service(client, owner) if name in (one.name, native(one.name))]


async def _by_service(client: Client, text: str) -> list[DirectoryResource]:
    services: list[DirectoryService] = await client.directory.services(q=text).all()
    return [
        one
        for service in services
        if service.name == text
        for one in await client.directory.resources(service=service.id).all()
    ]


async def _by_id(client: Client, text: str) -> list[DirectoryResource]:
    """The last resort: the directory cannot be searched by id, so all of it is read."""
    if not ABBREVIATION.fullmatch(text.lower()):
        return []
    return [one async for one in client.directory.resources() if str(one.id).startswith(text.lower())]


def _label(one: DirectoryResource) -> str:
    return f"{one.id}  {one.service_name}/{native(one.name)}  {one.platform} {one.region}".rstrip()
