"""Deliveries in PostgreSQL: rows that workers of all replicas claim with a lease.

Of one webhook and one subject, a connection for one, the oldest row alone can be claimed: what comes
after it waits until it is delivered. A worker that dies leaves a lease that ends, and the row is
claimed again; it may have been delivered already, and the receiver gets it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import BaseModel, ConfigDict

from onenet_api.audit import log as audit
from onenet_api.events.audience import Concern
from onenet_api.webhooks.schedule import Outcome
from onenet_api.webhooks.sending import Sent
from onenet_common import outbox
from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import WebhookDisabled

CHANNEL = "api_deliveries"
AT_ONCE = 8
"""Deliveries of one webhook that are under way at a time, or a few more."""

_SUBSCRIBED = "SELECT id, service, types FROM webhooks WHERE enabled AND service = ANY($1) FOR KEY SHARE"
# What joins a queue whose head has to wait, waits as long.
_INSERT = """
INSERT INTO deliveries (webhook, event_id, subject, type, time, body, due_at)
SELECT n.webhook, n.event_id, n.subject, n.type, n.time, n.body, greatest(now(), (
    SELECT max(e.due_at) FROM deliveries e WHERE e.webhook = n.webhook AND e.subject = n.subject
))
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[])
    WITH ORDINALITY AS n (webhook, event_id, subject, type, time, body, place)
ORDER BY n.place
"""
# $1 rows, $2 seconds of the lease, $3 rows of one webhook
_CLAIM = """
UPDATE deliveries AS d SET attempts = d.attempts + 1, leased_until = now() + make_interval(secs => $2),
    first_attempt_at = coalesce(d.first_attempt_at, now())
FROM (
    SELECT o.seq, w.url, w.secret, CASE WHEN w.previous_until > now() THEN w.previous_secret END AS previous
    FROM deliveries o JOIN webhooks w ON w.id = o.webhook
    WHERE o.due_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now()) AND w.enabled
        AND NOT EXISTS (
            SELECT FROM deliveries e WHERE e.webhook = o.webhook AND e.subject = o.subject AND e.seq < o.seq
        )
        AND $3 > (SELECT count(*) FROM deliveries b WHERE b.webhook = o.webhook AND b.leased_until > now())
    ORDER BY o.due_at, o.seq LIMIT $1 FOR UPDATE OF o SKIP LOCKED
) AS claimed
WHERE d.seq = claimed.seq
RETURNING d.seq, d.webhook, d.event_id, d.subject, d.type, d.body, d.attempts, claimed.url, claimed.secret,
    claimed.previous, extract(epoch FROM now() - d.first_attempt_at)::float8 AS tried_for
"""
# An attempt whose lease ended meanwhile changes nothing: the row is another worker's.
_DONE = "DELETE FROM deliveries WHERE seq = $1 AND attempts = $2"
_AGAIN = """
UPDATE deliveries SET leased_until = CASE WHEN seq = $1 THEN NULL ELSE leased_until END,
    due_at = greatest(due_at, now() + make_interval(secs => $4))
WHERE webhook = $2 AND subject = $3 AND EXISTS (SELECT FROM deliveries WHERE seq = $1 AND attempts = $5)
"""
_LOG = """
INSERT INTO webhook_attempts (id, webhook, event_id, type, number, outcome, status, error, milliseconds)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE EXISTS (SELECT FROM webhooks WHERE id = $2)
"""
_DISABLE = """
UPDATE webhooks SET enabled = false, disabled_reason = $2, updated_at = now(), version = version + 1
WHERE id = $1 AND enabled RETURNING service
"""


class Delivery(BaseModel):
    """A row that is claimed.

    Args:
        attempts: with the one that is about to be made.
        secret, previous: sealed; ``previous`` while a rotation lets both be valid.
        tried_for: seconds since the first attempt.
    """

    model_config = ConfigDict(frozen=True)

    seq: int
    webhook: UUID
    event_id: UUID
    subject: UUID
    type: str
    body: str
    attempts: int
    url: str
    secret: str
    previous: str | None
    tried_for: float


async def enqueue(connection: Connection, concerns: Sequence[Concern]) -> int:
    """Have events delivered to every webhook that wants them, in this order; how many deliveries that is."""
    services = {service for concern in concerns for service in concern.owners}
    webhooks = await connection.fetch(_SUBSCRIBED, list(services)) if services else []
    return await insert(connection, [
        row for concern in concerns for webhook in webhooks if (row := delivery(webhook, concern)) is not None
    ])  # fmt: skip


def delivery(webhook: Mapping[str, Any] | asyncpg.Record, concern: Concern) -> tuple[Any, ...] | None:
    """A row for ``insert``; None when the webhook does not want the event, or may not have it."""
    fact = concern.fact
    if webhook["service"] not in concern.owners or (webhook["types"] and fact.type not in webhook["types"]):
        return None
    if (told := concern.told_for(webhook["service"])) is None:
        return None
    return (webhook["id"], fact.id, fact.subject, fact.type, fact.time, told.model_dump_json())


async def insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    if rows:
        await connection.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))
        await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
    return len(rows)


async def claim(connection: Connection, limit: int, *, lease: float) -> list[Delivery]:
    """Deliveries that are due, for this worker alone until the lease ends, in seconds."""
    rows = await connection.fetch(_CLAIM, limit, lease, AT_ONCE)
    return [Delivery.model_validate(dict(row)) for row in sorted(rows, key=lambda row: row["seq"])]


async def settle(connection: Connection, made: Delivery, sent: Sent, outcome: Outcome, pause: float) -> None:
    """Write down what came of an attempt, all of it or nothing.

    Args:
        pause: seconds until the next attempt, when it failed.
    """
    await record(connection, made.webhook, made.event_id, made.type, made.attempts, sent, outcome)
    if outcome is Outcome.DELIVERED:
        await connection.execute(_DONE, made.seq, made.attempts)
    elif outcome is Outcome.FAILED:
        await connection.execute(_AGAIN, made.seq, made.webhook, made.subject, pause, made.attempts)
    else:
        await disable(connection, made.webhook, f"{made.type}: {sent.error}, {REASONS[outcome]}")


REASONS = {
    Outcome.GONE: "and the receiver says that it is gone for good",
    Outcome.GAVE_UP: "for as long as a delivery is tried",
}


async def record(
    connection: Connection, webhook: UUID, event: UUID, kind: str, number: int, sent: Sent, outcome: Outcome
) -> None:
    """Add an attempt to the webhook's log."""
    milliseconds = round(sent.seconds * 1000)
    await connection.execute(
        _LOG, uuid4(), webhook, event, kind, number, outcome, sent.status, sent.error, milliseconds
    )


async def disable(connection: Connection, webhook: UUID, reason: str) -> None:
    """Stop delivering, and tell the owners; what waits is forgotten, and can be replayed."""
    service = await connection.fetchval(_DISABLE, webhook, reason)
    if service is None:
        return
    await connection.execute("DELETE FROM deliveries WHERE webhook = $1", webhook)
    event = WebhookDisabled(webhook_id=webhook, service=service, reason=reason)
    await outbox.publish(connection, [Message.of(event)])
    entry = audit.Entry("onenet-api", "webhook.disable", webhook, [service], {"reason": reason})
    await audit.record(connection, entry)


async def forget_since(connection: Connection, webhook: UUID, since: datetime) -> None:
    """Drop what waits of connections' events from then on, but for what is under way."""
    await connection.execute(
        "DELETE FROM deliveries WHERE webhook = $1 AND time >= $2 AND type LIKE 'onenet.connection.%' "
        "AND (leased_until IS NULL OR leased_until <= now())",
        webhook,
        since,
    )
