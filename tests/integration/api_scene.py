"""The API in this process on a real PostgreSQL, with owners, networks and a way to read its events."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import httpx

from onenet_api import app
from onenet_api.connections import projection
from onenet_api.connections.requests import Requests
from onenet_api.connections.waiting import Changes
from onenet_api.context import Context
from onenet_api.dead_letters.reader import DeadLetters
from onenet_api.dead_letters.replaying import Replaying
from onenet_api.events.streams import Streams
from onenet_api.keys import IssuerKeys
from onenet_api.resources import inventory
from onenet_api.settings import ApiSettings
from onenet_api.tables import METADATA
from onenet_api.tokens import TokenVerifier
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender
from onenet_common.connection import ProviderType, Resource
from onenet_common.database import Database
from onenet_common.envelope import Message, decode
from onenet_common.events import Event, ResourceDiscovered, ResourceGone
from onenet_common.producer import Producer
from onenet_common.runner import Server
from tests import databases
from tests.integration.api_issuer import URL, Issuer

ADMIN = ("root", ("onenet-admins",))

_numbers = count(1)


@dataclass
class Owner:
    """Somebody with a service, a provider and networks."""

    name: str
    http: httpx.AsyncClient
    service: str = ""
    provider: str = ""
    resources: list[str] = field(default_factory=list)


class Scene:
    """One API and everybody who uses it.

    ``ahead`` is by how many seconds the API's clock for tokens goes before ours.

    Args:
        kafka: settings of a broker that runs; the API can do without one but for dead letters and streams.
    """

    def __init__(self, url: str, kafka: Mapping[str, Any] | None = None, schema: str = "api") -> None:
        self.issuer = Issuer()
        self.settings = ApiSettings(api_oidc_issuer=URL, **kafka or {})
        self.database = Database(url, schema=schema, metadata=METADATA)
        self.keys = IssuerKeys(URL, self.issuer.client())
        self.changes = Changes(self.database)
        self.ahead = 0.0
        verifier = TokenVerifier(self.keys, self.settings, lambda: time.time() + self.ahead)
        self.producer = Producer(self.settings)
        replaying = Replaying(DeadLetters(self.settings), self.producer)
        self.streams = Streams(self.settings, self.database, verifier)
        self.app = app.build(
            Context(
                self.settings,
                self.database,
                verifier,
                self.changes,
                Requests(self.database),
                replaying,
                self.streams,
                Sender(
                    timeout=self.settings.api_webhooks_timeout, loopback=self.settings.api_webhooks_loopback
                ),
                Seals(self.settings.api_secrets_keys),
            )
        )
        self.anonymous = self._client({})

    async def start(self) -> None:
        await self.database.start()
        await self.changes.start()
        await self.streams.start()

    async def stop(self) -> None:
        await self.streams.stop()
        await self.changes.stop()
        await self.producer.stop()
        await self.keys.stop()
        await self.database.stop()

    async def clear(self) -> None:
        tables = [table.name for table in reversed(METADATA.sorted_tables)]
        async with self.database.acquire() as connection:
            await connection.execute(databases.emptying([*tables, "outbox", "inbox"]))

    def user(self, name: str, *groups: str) -> httpx.AsyncClient:
        """A client that is signed in."""
        return self._client({"Authorization": f"Bearer {self.issuer.token(name, groups)}"})

    def tolerant(self, name: str) -> httpx.AsyncClient:
        """A client to whom an error of ours is an answer, as over the network."""
        return self._client({"Authorization": f"Bearer {self.issuer.token(name)}"}, raising=False)

    async def owner(self, name: str, networks: Mapping[str, Sequence[str]]) -> Owner:
        """An owner with discovered networks: native id to CIDR blocks."""
        owner = Owner(name, self.user(name))
        service = await owner.http.post("/v1/services", json={"name": f"{name}'s"})
        owner.service = service.json()["id"]
        provider = await owner.http.post("/v1/providers", json=provider_request(owner.service))
        owner.provider = provider.json()["id"]
        for native_id, subnets in networks.items():
            resource = network(owner, provider.json(), native_id, subnets)
            await self.discover(ResourceDiscovered(resource_id=resource.id, at=now(), resource=resource))
            owner.resources.append(str(resource.id))
        return owner

    async def discover(self, *events: Event) -> None:
        """What the provisioner says of inventory."""
        async with self.database.transaction() as connection:
            await inventory.project([Message.of(event) for event in events], connection)

    async def happen(self, *events: Event) -> None:
        """What other services say of connections."""
        async with self.database.transaction() as connection:
            await projection.project([Message.of(event) for event in events], connection)

    async def replay(self, messages: Sequence[Message]) -> None:
        """What we have published ourselves comes back to us."""
        async with self.database.transaction() as connection:
            await projection.project(messages, connection)

    async def lose(self, resource: str) -> None:
        """The provisioner does not find a resource any more."""
        async with self.database.acquire() as connection:
            provider = await connection.fetchval(
                "SELECT provider FROM resources WHERE id = $1", UUID(resource)
            )
        await self.discover(ResourceGone(resource_id=UUID(resource), at=now(), provider_id=provider))

    async def watched(self, connection_id: UUID, by: int) -> None:
        """Until so many requests wait for the connection."""
        for _ in range(1000):
            if self.changes.watchers(connection_id) == by:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.changes.watchers(connection_id)} wait, not {by}")

    async def published(self) -> list[Message]:
        """Every event since the last call, in order."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch("DELETE FROM outbox RETURNING *")
        messages = [
            decode(row["value"], [(name, text.encode()) for name, text in row["headers"].items()])
            for row in sorted(rows, key=lambda row: row["id"])
        ]
        return [message for message in messages if message is not None]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The API on a real port, and its URL."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = Server(self.app, host="127.0.0.1", port=port)
        await server.start()
        yield f"http://127.0.0.1:{port}"
        await server.stop()

    def _client(self, headers: dict[str, str], *, raising: bool = True) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=raising)
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


def now() -> datetime:
    return datetime.now(UTC)


def provider_request(service: str, **other: str) -> dict[str, str]:
    account = f"{next(_numbers):012d}"
    return {
        "name": "production",
        "service": service,
        "provider_type": "AWS",
        "account": account,
        "region": "eu-north-1",
    } | other


def network(owner: Owner, provider: Mapping[str, Any], native_id: str, subnets: Sequence[str]) -> Resource:
    return Resource.model_validate(
        {
            "id": uuid5(UUID(provider["id"]), native_id),
            "name": f"AWS\\{native_id}",
            "service": owner.service,
            "provider": provider["id"],
            "provider_type": ProviderType.AWS,
            "account": provider["account"],
            "region": provider["region"],
            "native_id": native_id,
            "subnet": subnets[0],
            "subnets": subnets,
        }
    )


def happenings(messages: Sequence[Message]) -> list[str]:
    return [message.event.happening() for message in messages]
