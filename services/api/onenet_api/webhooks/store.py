"""Webhooks in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from onenet_api.events import audience
from onenet_api.events.facts import of_timeline
from onenet_api.pages import Listing, Page
from onenet_api.problems import conflict, invalid
from onenet_api.webhooks import queue
from onenet_api.webhooks.views import AttemptQuery, AttemptView, WebhookQuery, WebhookRequest, WebhookView
from onenet_common.database import Connection

MOST = 20
"""Webhooks of one service."""
LARGEST_REPLAY = 10_000
"""Events that one request delivers again."""

_COLUMNS = """
w.id, w.service, w.url, w.description, w.types, w.enabled, w.disabled_reason, w.created_by, w.created_at,
w.updated_at, w.version, CASE WHEN w.previous_until > now() THEN w.previous_until END AS previous_until,
(SELECT count(*) FROM deliveries d WHERE d.webhook = w.id) AS waiting
"""
_SELECT = f"SELECT {_COLUMNS} FROM webhooks w"
_INSERT = f"""
INSERT INTO webhooks AS w (id, service, url, description, types, secret, created_by)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE $8 > (SELECT count(*) FROM webhooks WHERE service = $2)
RETURNING {_COLUMNS}
"""
_CHANGE = f"""
UPDATE webhooks AS w SET url = $2, description = $3, types = $4, enabled = $5,
    disabled_reason = CASE WHEN $5 THEN NULL ELSE w.disabled_reason END,
    updated_at = now(), version = w.version + 1
WHERE id = $1 RETURNING {_COLUMNS}
"""
_ROTATE = f"""
UPDATE webhooks AS w SET previous_secret = secret, previous_until = now() + make_interval(secs => $3),
    secret = $2, updated_at = now(), version = w.version + 1
WHERE id = $1 RETURNING {_COLUMNS}
"""
_LIFE_SINCE = """
SELECT t.* FROM timeline t JOIN connections c ON c.id = t.connection_id
WHERE $1 IN (c.service_left, c.service_right) AND t.time >= $2 ORDER BY t.time, t.id LIMIT $3
"""


async def create(
    connection: Connection, service: UUID, request: WebhookRequest, sealed: str, by: str
) -> WebhookView:
    """
    Raises:
        Problem: 409 when the service has too many.
    """
    arguments = (request.url, request.description, request.types, sealed, by, MOST)
    row = await connection.fetchrow(_INSERT, uuid4(), service, *arguments)
    if row is None:
        raise conflict("too-many-webhooks", f"a service has up to {MOST} webhooks; delete one first")
    return _view(row)


async def page(connection: Connection, service: UUID, query: WebhookQuery) -> Page[WebhookView]:
    listing = Listing(_SELECT, "w.id", {"created_at": "w.created_at"})
    listing.where("w.service = ?", service)
    rows, following = await listing.fetch(connection, query)
    return Page(items=[_view(row) for row in rows], next=following)


async def find(
    connection: Connection, service: UUID, webhook: UUID, *, lock: bool = False
) -> WebhookView | None:
    """
    Args:
        lock: nobody changes it, and no delivery is added, until the transaction ends.
    """
    ending = " FOR UPDATE OF w" if lock else ""
    statement = f"{_SELECT} WHERE w.id = $1 AND w.service = $2{ending}"
    row = await connection.fetchrow(statement, webhook, service)
    return _view(row) if row else None


async def change(connection: Connection, webhook: WebhookView) -> WebhookView:
    [row] = await connection.fetch(
        _CHANGE, webhook.id, webhook.url, webhook.description, webhook.types, webhook.enabled
    )
    return _view(row)


async def rotate(connection: Connection, webhook: UUID, sealed: str, grace: float) -> WebhookView:
    """
    Args:
        grace: seconds for which the secret of before stays valid.
    """
    [row] = await connection.fetch(_ROTATE, webhook, sealed, grace)
    return _view(row)


async def delete(connection: Connection, webhook: UUID) -> None:
    """Delete it with what waits and its log."""
    await connection.execute("DELETE FROM webhooks WHERE id = $1", webhook)


async def sealed_secrets(connection: Connection, webhook: UUID) -> list[str]:
    """The secrets that are valid now, newest first."""
    row = await connection.fetchrow(
        "SELECT secret, CASE WHEN previous_until > now() THEN previous_secret END AS previous "
        "FROM webhooks WHERE id = $1",
        webhook,
    )
    return [secret for secret in (row["secret"], row["previous"]) if secret is not None] if row else []


async def replay(connection: Connection, webhook: WebhookView, since: datetime) -> int:
    """Deliver connections' events again, in their order, before all that comes; how many.

    The webhook is locked. What waits of that time is dropped, and comes with the rest.

    Raises:
        Problem: 422 when they are too many.
    """
    rows = await connection.fetch(_LIFE_SINCE, webhook.service, since, LARGEST_REPLAY + 1)
    if len(rows) > LARGEST_REPLAY:
        message = f"more than {LARGEST_REPLAY} events happened since; choose a later time"
        raise invalid("from", since.isoformat(), message)
    await queue.forget_since(connection, webhook.id, since)
    found = await audience.concerns(connection, [of_timeline(dict(row)) for row in rows])
    wanting: dict[str, Any] = {"id": webhook.id, "service": webhook.service, "types": webhook.types}
    deliveries = [row for one in found if (row := queue.delivery(wanting, one)) is not None]
    return await queue.insert(connection, deliveries)


async def attempts(connection: Connection, webhook: UUID, query: AttemptQuery) -> Page[AttemptView]:
    listing = Listing("SELECT a.* FROM webhook_attempts a", "a.id", {"time": "a.time"})
    listing.where("a.webhook = ?", webhook)
    rows, following = await listing.fetch(connection, query)
    return Page(items=[AttemptView.model_validate(dict(row)) for row in rows], next=following)


def _view(row: asyncpg.Record) -> WebhookView:
    return WebhookView.model_validate(dict(row))
