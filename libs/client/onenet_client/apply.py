"""Make a manifest come true: look, say no before the first change, then change what differs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from onenet_client import changes, names
from onenet_client.changes import Action, Change
from onenet_client.client import Client
from onenet_client.errors import NoMatch
from onenet_client.manifest import ConnectionDocument, Document, ProviderDocument, ServiceDocument
from onenet_client.models import Connection

LOOK_AGAIN = 0.5
"""Seconds between looks for a resource that is being discovered."""


async def plan(client: Client, documents: Sequence[Document]) -> list[Change]:
    """What ``apply`` would do; reads only.

    Raises:
        NoMatch, Ambiguous, Differs: a document cannot come true.
    """
    promised = frozenset(one.name for one in documents if isinstance(one, ServiceDocument))
    look = _Look(client, promised, discovering=_registers(documents))
    return [await look.compare(document) for document in documents]


async def apply(
    client: Client, documents: Sequence[Document], discovery: float = 60.0
) -> AsyncGenerator[Change, None]:
    """Yield each change once it is made.

    Args:
        documents: in the order in which they need each other, as ``manifest.read`` has them.
        discovery: seconds to wait for resources of a provider in the same manifest.

    Raises:
        NoMatch, Ambiguous, Differs: before the first change, unless the manifest's own providers
            turn out not to hold a resource that it names.
    """
    await plan(client, documents)
    look = _Look(client, patience=discovery if _registers(documents) else 0.0)
    for document in documents:
        yield await _make(client, await look.compare(document))


def _registers(documents: Sequence[Document]) -> bool:
    return any(isinstance(document, ProviderDocument) for document in documents)


@dataclass(frozen=True)
class _Look:
    """Compares documents with what stands, as this caller sees it.

    Args:
        promised: names of services that are about to be created.
        discovering: resources may be about to be discovered.
        patience: seconds to wait for those.
    """

    client: Client
    promised: frozenset[str] = frozenset()
    discovering: bool = False
    patience: float = 0.0

    async def compare(self, document: Document) -> Change:
        match document:
            case ServiceDocument():
                return await self._service(document)
            case ProviderDocument():
                return await self._provider(document)
            case ConnectionDocument():
                return await self._connection(document)

    async def _service(self, document: ServiceDocument) -> Change:
        found = await self.client.services.find(name=document.name).all()
        same = [one for one in found if one.name == document.name]
        standing = names.only("service", document.name, same) if same else None
        return changes.for_service(document, standing, await self.client.me())

    async def _provider(self, document: ProviderDocument) -> Change:
        try:
            service = await names.service(self.client, document.service)
        except NoMatch:
            if document.service in self.promised:
                return changes.for_provider(document, None)
            raise
        found = await self.client.providers.find(service=service).all()
        same = [one for one in found if one.name == document.name]
        standing = names.only("provider", document.name, same) if same else None
        change = changes.for_provider(document, standing)
        return change if standing else replace(change, fields={**change.fields, "service": str(service)})

    async def _connection(self, document: ConnectionDocument) -> Change:
        try:
            left = await self._resource(document.resource_left)
            right = await self._resource(document.resource_right)
        except NoMatch:
            if self.discovering:
                return Change(document, Action.CREATED)
            raise
        mine = {service.id async for service in self.client.services.find()}
        standing = await self._standing(document, left, right)
        change = changes.for_connection(document, left, standing, mine)
        return replace(change, fields={**change.fields, "resource_left": left, "resource_right": right})

    async def _standing(self, document: ConnectionDocument, left: UUID, right: UUID) -> Connection | None:
        pair = {left, right}
        async for one in self.client.connections.find(resource=left):
            if {one.resource_left, one.resource_right} == pair and changes.occupies(one, document):
                return one
        return None

    async def _resource(self, text: str) -> UUID:
        looks = 1 + int(self.patience / LOOK_AGAIN)
        for _ in range(looks - 1):
            try:
                return await names.resource(self.client, text)
            except NoMatch:
                await asyncio.sleep(LOOK_AGAIN)
        return await names.resource(self.client, text)


async def _make(client: Client, change: Change) -> Change:
    """Carry it out; the answer has the id."""
    match change.document, change.action:
        case _, Action.UNCHANGED:
            return change
        case ServiceDocument(name=name), Action.CREATED:
            return replace(change, id=(await client.services.create(name, **change.fields)).id)
        case ProviderDocument(name=name), Action.CREATED:
            return replace(change, id=(await client.providers.create(name, **change.fields)).id)
        case ServiceDocument(), Action.UPDATED if change.id:
            await client.services.update(change.id, change.fields, version=change.version)
        case ProviderDocument(), Action.UPDATED if change.id:
            await client.providers.update(change.id, change.fields, version=change.version)
        case ConnectionDocument() as document, _:
            return replace(change, id=(await _ask(client, document, change)).id)
    return change


async def _ask(client: Client, document: ConnectionDocument, change: Change) -> Connection:
    """Also the consent, when the other side has asked already."""
    return await client.connections.create(
        change.fields["resource_left"],
        change.fields["resource_right"],
        name=document.name,
        ctype=document.ctype,
        l4filters=document.l4filters,
        requirements=document.requirements,
        adopt=document.adopt,
        desired_state=document.desired_state,
    )
