"""Providers and their resources in PostgreSQL, as announced last."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from onenet_common import outbox
from onenet_common.connection import Provider, Resource
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.errors import Transient
from onenet_common.events import ProviderDiscoveryRequested, ProviderRegistered, ProviderRemoved

CHANNEL = "provisioner_providers"
LEASE_SECONDS = 30.0
CACHE_SECONDS = 5.0

_WANT = """
INSERT INTO providers (provider_id, provider, announce, attempts, due_at)
SELECT provider_id, provider, true, 0, now()
FROM unnest($1::uuid[], $2::jsonb[]) AS wanted (provider_id, provider)
ON CONFLICT (provider_id) DO UPDATE SET
    provider = excluded.provider, announce = true, attempts = 0, reason = NULL, due_at = now()
"""

_CLAIM = """
UPDATE providers SET lease = $2, leased_until = now() + make_interval(secs => $3)
WHERE provider_id IN (
    SELECT provider_id FROM providers
    WHERE due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING provider, announce, attempts, reason, lease, due_at
"""

_SAVE = """
UPDATE providers SET attempts = $4, reason = $5, lease = NULL, leased_until = NULL,
    announce = CASE WHEN due_at = $3 THEN $6 ELSE announce END,
    due_at = CASE WHEN due_at = $3 THEN now() + make_interval(secs => $7) ELSE due_at END
WHERE provider_id = $1 AND lease = $2 RETURNING true
"""

_KEEP = """
INSERT INTO resources (resource_id, provider_id, resource)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[])
ON CONFLICT (resource_id) DO UPDATE SET resource = excluded.resource
"""


@dataclass(frozen=True, slots=True)
class Look:
    """A claimed provider.

    ``announce`` asks for every resource again; ``reason`` is the failure told last;
    ``due_at`` tells, when it has moved, that somebody wants another look meanwhile.
    """

    provider: Provider
    announce: bool
    attempts: int
    reason: str | None
    lease: UUID
    due_at: object


@dataclass(slots=True)
class ProviderStore:
    database: Database
    _cache: dict[UUID, tuple[float, Provider]] = field(default_factory=dict)

    async def want(self, messages: Sequence[Message], connection: Connection) -> None:
        """Take in registrations, requests for a look, and removals, in the caller's transaction."""
        wanted: dict[UUID, Provider] = {}
        removed: set[UUID] = set()
        for message in messages:
            match message.event:
                case ProviderRegistered(provider=provider) | ProviderDiscoveryRequested(provider=provider):
                    wanted[provider.id] = provider
                    removed.discard(provider.id)
                case ProviderRemoved(provider_id=provider_id):
                    wanted.pop(provider_id, None)
                    removed.add(provider_id)
        if removed:
            await connection.execute("DELETE FROM resources WHERE provider_id = ANY($1)", list(removed))
            await connection.execute("DELETE FROM providers WHERE provider_id = ANY($1)", list(removed))
        if wanted:
            values = [provider.model_dump_json() for provider in wanted.values()]
            await connection.execute(_WANT, list(wanted), values)
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
        for provider_id in (*removed, *wanted):
            self._cache.pop(provider_id, None)

    async def provider(self, provider_id: UUID) -> Provider:
        """One provider, at most a few seconds old.

        Raises:
            Transient: when its registration has not arrived.
        """
        cached = self._cache.get(provider_id)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        async with self.database.acquire() as connection:
            value = await connection.fetchval(
                "SELECT provider FROM providers WHERE provider_id = $1", provider_id
            )
        if value is None:
            raise Transient(f"provider {provider_id} is not known here yet", code="provider_unknown")
        provider = Provider.model_validate(value)
        self._cache[provider_id] = (time.monotonic() + CACHE_SECONDS, provider)
        return provider

    async def resources(self, provider_id: UUID) -> dict[UUID, Resource]:
        """What was announced of a provider."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT resource_id, resource FROM resources WHERE provider_id = $1", provider_id
            )
        return {row["resource_id"]: Resource.model_validate(row["resource"]) for row in rows}

    async def soon(self, provider_ids: set[UUID], seconds: float) -> None:
        """Have providers looked at within so many seconds; a look under way may have come too early."""
        async with self.database.acquire() as connection:
            await connection.execute(
                "UPDATE providers SET due_at = now() + make_interval(secs => $2) "
                "WHERE provider_id = ANY($1) "
                "AND (lease IS NOT NULL OR due_at > now() + make_interval(secs => $2))",
                sorted(provider_ids),
                seconds,
            )

    async def claim(self, most: int) -> list[Look]:
        async with self.database.acquire() as connection:
            rows = await connection.fetch(_CLAIM, most, uuid4(), LEASE_SECONDS)
        return [
            Look(
                provider=Provider.model_validate(row["provider"]),
                announce=row["announce"],
                attempts=row["attempts"],
                reason=row["reason"],
                lease=row["lease"],
                due_at=row["due_at"],
            )
            for row in rows
        ]

    async def renew(self, held: Sequence[Look]) -> None:
        async with self.database.acquire() as connection:
            await connection.execute(
                "UPDATE providers SET leased_until = now() + make_interval(secs => $3) "
                "FROM unnest($1::uuid[], $2::uuid[]) AS held (provider_id, lease) "
                "WHERE providers.provider_id = held.provider_id AND providers.lease = held.lease",
                [look.provider.id for look in held],
                [look.lease for look in held],
                LEASE_SECONDS,
            )

    async def release(self, look: Look) -> None:
        async with self.database.acquire() as connection:
            await connection.execute(
                "UPDATE providers SET lease = NULL, leased_until = NULL "
                "WHERE provider_id = $1 AND lease = $2",
                look.provider.id,
                look.lease,
            )

    async def discovered(
        self, look: Look, seen: Sequence[Resource], messages: Sequence[Message], *, pause: float
    ) -> None:
        """Remember what is there now, and publish; nothing when the lease is lost."""
        async with self.database.transaction() as connection:
            if not await self._save(connection, look, 0, None, pause, announce=False):
                return
            await connection.execute(
                _KEEP,
                [resource.id for resource in seen],
                [resource.provider for resource in seen],
                [resource.model_dump_json() for resource in seen],
            )
            await connection.execute(
                "DELETE FROM resources WHERE provider_id = $1 AND NOT resource_id = ANY($2)",
                look.provider.id,
                [resource.id for resource in seen],
            )
            await outbox.publish(connection, messages)

    async def failed(
        self, look: Look, messages: Sequence[Message], *, attempts: int, reason: str | None, pause: float
    ) -> None:
        """Remember the failure, and publish; nothing when the lease is lost."""
        async with self.database.transaction() as connection:
            if await self._save(connection, look, attempts, reason, pause, announce=look.announce):
                await outbox.publish(connection, messages)

    async def _save(
        self,
        connection: Connection,
        look: Look,
        attempts: int,
        reason: str | None,
        pause: float,
        *,
        announce: bool,
    ) -> bool:
        return bool(
            await connection.fetchval(
                _SAVE, look.provider.id, look.lease, look.due_at, attempts, reason, announce, pause
            )
        )
