"""The API as Python objects.

Such as::

    async with Client("https://onenet.example.com", token) as onenet:
        asked = await onenet.connections.create(left, right)
        await onenet.wait_for(asked.id, {"ESTABLISHED"}, timeout=120)
"""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Self
from uuid import UUID

from onenet_client.connections import Connections
from onenet_client.dead_letters import DeadLetters
from onenet_client.directory import Directory
from onenet_client.events import Events
from onenet_client.inventory import Providers, Resources, Services
from onenet_client.listing import Listing
from onenet_client.models import AuditEntry, Connection, Me, Page, SignIn
from onenet_client.retry import Retry
from onenet_client.telling import Mail, Webhooks
from onenet_client.tokens import StaticToken, TokenSource
from onenet_client.traffic import Findings, Flows
from onenet_client.transport import Transport, read
from onenet_common.states import SETTLED


class Client:
    """An async context manager; share one between tasks.

    Args:
        url: the API's root, without ``/v1``.
        token: an access token, or a source of them; None for ``sign_in`` alone.
        timeout: seconds until a silent server counts as gone.
        retry: how often safe calls are repeated on lost connections, 429, 502, 503 and 504.

    Every method raises what ``onenet_client.errors`` draws, and nothing else.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource | str | None = None,
        *,
        timeout: float = 30.0,
        retry: Retry | None = None,
    ) -> None:
        tokens = StaticToken(token) if isinstance(token, str) else token
        self._transport = Transport(url, tokens, timeout, retry or Retry())
        self.services = Services(self._transport)
        self.providers = Providers(self._transport)
        self.resources = Resources(self._transport)
        self.connections = Connections(self._transport)
        self.directory = Directory(self._transport)
        self.events = Events(self._transport)
        self.traffic = Flows(self._transport)
        self.findings = Findings(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.mail = Mail(self._transport)
        self.dead_letters = DeadLetters(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    @property
    def url(self) -> str:
        return self._transport.url

    async def sign_in(self) -> SignIn:
        """Where users of this API sign in; needs no token."""
        return read(SignIn, await self._transport.get("/.well-known/onenet"))

    async def me(self) -> Me:
        return read(Me, await self._transport.get("/v1/me"))

    def audit(self, *, sort: str | None = None) -> Listing[AuditEntry]:
        """Who changed what: an administrator's view of all, everybody's of their own objects."""
        return Listing(self._transport, "/v1/audit", Page[AuditEntry], {"sort": sort})

    async def wait_for(
        self, connection: UUID, states: Collection[str] = SETTLED, timeout: float | None = 60.0
    ) -> Connection:
        """``connections.wait_for``, which says the rest."""
        return await self.connections.wait_for(connection, states, timeout)
