"""How owners are told of events: webhooks of a service, and mail to the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from onenet_client.listing import Listing
from onenet_client.models import Attempt, MailChoice, MailPreferences, Page, Replayed, Webhook
from onenet_client.transport import Transport, read

GRACE_HOURS = 24.0
"""For so long the old secret signs too, unless it is said otherwise."""


class Webhooks:
    """``/v1/services/{id}/webhooks``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, service: UUID, *, sort: str | None = None) -> Listing[Webhook]:
        """Those of one service."""
        return Listing(self._transport, _path(service), Page[Webhook], {"sort": sort})

    async def get(self, service: UUID, webhook: UUID) -> Webhook:
        return read(Webhook, await self._transport.get(_path(service, webhook)))

    async def create(
        self,
        service: UUID,
        url: str,
        *,
        types: Sequence[str] = (),
        description: str = "",
        key: str | None = None,
    ) -> Webhook:
        """Have events delivered to a URL.

        ``secret`` is in this answer alone. It is None when the answer was lost and the call repeated: the
        webhook is there, and ``rotate`` makes a secret for it.

        Args:
            types: such as ``connection.failed``; all when empty.
        """
        body = {"url": url, "types": list(types), "description": description}
        return read(Webhook, await self._transport.post(_path(service), body, key=key))

    async def change(
        self, service: UUID, webhook: UUID, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Webhook:
        """Change ``url``, ``types``, ``description`` or ``enabled``."""
        return read(Webhook, await self._transport.patch(_path(service, webhook), changes, version))

    async def rotate(
        self, service: UUID, webhook: UUID, *, grace_hours: float = GRACE_HOURS, key: str | None = None
    ) -> Webhook:
        """Make a new secret, told as by ``create``.

        Args:
            grace_hours: for so long deliveries are signed with the old one too; 168 at the most.
        """
        body = {"grace_hours": grace_hours}
        return read(Webhook, await self._transport.post(_path(service, webhook, "rotate"), body, key=key))

    async def test(self, service: UUID, webhook: UUID) -> Attempt:
        """Deliver a test now; what came of it."""
        return read(Attempt, await self._transport.post(_path(service, webhook, "test")))

    async def replay(self, service: UUID, webhook: UUID, since: datetime, *, key: str | None = None) -> int:
        """Deliver events of connections again, from a time on.

        Returns:
            How many deliveries that makes.
        """
        body = {"from": since.isoformat()}
        answer = await self._transport.post(_path(service, webhook, "replay"), body, key=key)
        return read(Replayed, answer).deliveries

    async def delete(self, service: UUID, webhook: UUID) -> None:
        """With what waits for it and its log."""
        await self._transport.delete(_path(service, webhook))

    def attempts(self, service: UUID, webhook: UUID, *, sort: str | None = None) -> Listing[Attempt]:
        """What was tried in the last 14 days, newest first."""
        return Listing(self._transport, _path(service, webhook, "attempts"), Page[Attempt], {"sort": sort})


class Mail:
    """``/v1/me/mail``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self) -> MailPreferences:
        """What the caller is told by mail."""
        return read(MailPreferences, await self._transport.get("/v1/me/mail"))

    async def choose(
        self, everything: MailChoice, services: Mapping[UUID, MailChoice], *, key: str | None = None
    ) -> MailPreferences:
        """Choose anew, in place of all that was chosen.

        Args:
            everything: for all services that the caller owns.
            services: for single ones, instead of ``everything``.
        """
        body = {
            "everything": everything.model_dump(mode="json"),
            "services": {
                str(service): choice.model_dump(mode="json") for service, choice in services.items()
            },
        }
        return read(MailPreferences, await self._transport.put("/v1/me/mail", body, key=key))


def _path(service: UUID, *more: object) -> str:
    return "/".join((f"/v1/services/{service}/webhooks", *map(str, more)))
