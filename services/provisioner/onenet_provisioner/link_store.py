"""Links in PostgreSQL: wishes come in, due ones are claimed under a lease, results are saved.

Every save names the lease and the generation it was made for. A link whose generation moved on
while a worker had it keeps its lease until that worker lets go, so that no two ever work on one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from onenet_common import outbox
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.housekeeping import Retention
from onenet_provisioner.leases import SECONDS as LEASE_SECONDS
from onenet_provisioner.leases import Hold, Leases
from onenet_provisioner.link_rows import COLUMNS, as_json, others_of, values_of, work_of
from onenet_provisioner.links import Work, wanted

CHANNEL = "provisioner_links"

TOMBSTONES = Retention("links", "updated_at", 30, only="phase = 'ENDED' AND due_at IS NULL AND lease IS NULL")
"""A link that has ended is remembered longer than any event of it can come back from a topic."""

_UPSERT = f"""
INSERT INTO links ({COLUMNS}, updated_at)
SELECT *, now() FROM unnest(
    $1::uuid[], $2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[], $8::jsonb[],
    $9::bool[], $10::bool[], $11::int[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::jsonb[],
    $16::jsonb[])
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, ctype = excluded.ctype, phase = excluded.phase,
    wish = excluded.wish, standing = excluded.standing, details = excluded.details,
    failure = excluded.failure, drifted = excluded.drifted, announce = excluded.announce,
    attempts = excluded.attempts, reason = excluded.reason, due_at = excluded.due_at,
    deadline_at = excluded.deadline_at, trace = excluded.trace, others = excluded.others,
    updated_at = now()
WHERE links.generation <= excluded.generation
"""
"""Of two who both saw no link, the newer generation wins, whoever writes last."""

_CLAIM = f"""
UPDATE links SET lease = $2, leased_until = now() + make_interval(secs => $3)
WHERE connection_id IN (
    SELECT connection_id FROM links
    WHERE due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}, lease
"""

_SAVE = """
WITH saved AS (
    UPDATE links SET phase = $3, standing = $4, details = $5, failure = $6, drifted = $7,
        attempts = $8, reason = $9, wish = $10, trace = $16, others = $17, ctype = $18,
        updated_at = now(),
        announce = CASE WHEN due_at IS NOT DISTINCT FROM $11 THEN $12 ELSE announce END,
        due_at = CASE WHEN due_at IS NOT DISTINCT FROM $11 THEN $13 ELSE due_at END,
        lease = CASE WHEN $14 THEN lease END, leased_until = CASE WHEN $14 THEN leased_until END
    WHERE connection_id = $1 AND lease = $2 AND generation = $15
    RETURNING 1),
written AS (
    INSERT INTO outbox (topic, key, headers, value)
    SELECT * FROM unnest($19::text[], $20::text[], $21::jsonb[], $22::bytea[])
    WHERE EXISTS (SELECT FROM saved))
SELECT count(*) FROM saved
"""
"""A link that somebody asked about meanwhile has another ``due_at`` than when it was claimed: it
stays due, and the question stands."""

_LOOK_AGAIN = """
UPDATE links SET due_at = now(), phase = CASE
    WHEN phase <> 'ENDED' THEN phase
    WHEN wish ->> 'desired_state' = 'DELETED' THEN 'WORKING'
    ELSE 'UNDOING' END
WHERE connection_id = $1
    AND (phase <> 'ENDED' OR wish ->> 'desired_state' = 'DELETED' OR failure IS NOT NULL)
"""
"""What has ended is taken down once more, and told once more; a dry run had nothing to take down."""


@dataclass(frozen=True, slots=True)
class LinkStore:
    """Args: deadline: seconds that a new generation may try before it gives up."""

    database: Database
    deadline: float
    leases: Leases = field(default_factory=Leases)

    async def want(self, messages: Sequence[Message], connection: Connection) -> None:
        """Fold events into their links, in the caller's transaction."""
        now = datetime.now(UTC)
        until = now + timedelta(seconds=self.deadline)
        ids = [UUID(message.event.key) for message in messages]
        found = await connection.fetch(
            f"SELECT {COLUMNS}, lease FROM links WHERE connection_id = ANY($1) "
            "ORDER BY connection_id FOR UPDATE",
            sorted(set(ids)),
        )
        links = {row["connection_id"]: work_of(row) for row in found}
        changed: dict[UUID, Work] = {}
        for message, connection_id in zip(messages, ids, strict=True):
            if (work := wanted(links.get(connection_id), message, now, until)) is not None:
                links[connection_id] = changed[connection_id] = work
        if changed:
            await connection.execute(_UPSERT, *values_of(list(changed.values())))
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)

    async def claim(self, most: int) -> list[Work]:
        """Take due links, oldest first, under one lease each claim."""
        asked_at = self.leases.clock()
        async with self.database.acquire() as connection:
            rows = await connection.fetch(_CLAIM, most, uuid4(), LEASE_SECONDS)
        claimed = [work_of(row) for row in rows]
        self.leases.granted(map(_hold, claimed), asked_at)
        return claimed

    async def renew(self, held: Sequence[Work]) -> None:
        """Lengthen the leases of links in hand; one that was lost stays lost."""
        asked_at = self.leases.clock()
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                "UPDATE links SET leased_until = now() + make_interval(secs => $3) "
                "FROM unnest($1::uuid[], $2::uuid[]) AS held (connection_id, lease) "
                "WHERE links.connection_id = held.connection_id AND links.lease = held.lease "
                "RETURNING links.connection_id, links.lease",
                [work.connection_id for work in held],
                [work.lease for work in held],
                LEASE_SECONDS,
            )
        renewed = {(row["connection_id"], row["lease"]) for row in rows}
        self.leases.granted(renewed, asked_at)
        self.leases.ended({_hold(work) for work in held} - renewed)

    async def save(self, work: Work, due_at: datetime | None, messages: Sequence[Message]) -> bool:
        """Write a link and its events in one statement, and let go of it.

        Args:
            due_at: when to look at it next, None when it is done with.

        Returns:
            False when the lease is lost or a newer generation waits; then nothing was written.
        """
        return await self._write(work, due_at, messages, keep_lease=False)

    async def remember(self, work: Work, details: Mapping[str, str]) -> bool:
        """Add to a link's details, also when a newer generation waits: it has to know of them, too.

        Returns:
            False when the lease is lost or a newer generation waits.
        """
        async with self.database.acquire() as connection:
            current = await connection.fetchval(
                "UPDATE links SET details = details || $3 WHERE connection_id = $1 AND lease = $2 "
                "RETURNING generation = $4",
                work.connection_id,
                work.lease,
                dict(details),
                work.generation,
            )
        return bool(current)

    async def keep(self, work: Work, messages: Sequence[Message]) -> bool:
        """Write a link and its events while it stays in hand; the answer as in ``save``."""
        return await self._write(work, work.due_at, messages, keep_lease=True)

    async def _write(
        self, work: Work, due_at: datetime | None, messages: Sequence[Message], *, keep_lease: bool
    ) -> bool:
        async with self.database.acquire() as connection:
            saved = await connection.fetchval(
                _SAVE,
                work.connection_id,
                work.lease,
                work.phase.value,
                as_json(work.standing),
                work.details,
                as_json(work.failure),
                work.drifted,
                work.attempts,
                work.reason,
                as_json(work.wish),
                work.due_at,
                work.announce,
                due_at,
                keep_lease,
                work.generation,
                dict(work.trace),
                others_of(work),
                work.ctype,
                *outbox.rows(messages),
            )
        if messages:
            self.database.outbox_written.set()
        if not keep_lease:
            self.leases.ended([_hold(work)])
        return bool(saved)

    async def release(self, work: Work) -> None:
        """Let go of a link without a result; a newer generation of it may be taken at once."""
        self.leases.ended([_hold(work)])
        async with self.database.acquire() as connection:
            await connection.execute(
                "UPDATE links SET lease = NULL, leased_until = NULL WHERE connection_id = $1 AND lease = $2",
                work.connection_id,
                work.lease,
            )

    async def look_again(self, work: Work) -> None:
        """Have whoever has the link now look at it once more: it was changed behind his back."""
        async with self.database.acquire() as connection:
            await connection.execute(_LOOK_AGAIN, work.connection_id)
            await connection.execute("SELECT pg_notify($1, '')", CHANNEL)

    def holds(self, work: Work) -> bool:
        """Whether nobody else can have the link now."""
        return self.leases.holds(_hold(work))

    def require(self, work: Work) -> None:
        """Let a call to the provider begin; raises Superseded when another may have the link."""
        self.leases.require(_hold(work))


def _hold(work: Work) -> Hold:
    return work.connection_id, work.lease
