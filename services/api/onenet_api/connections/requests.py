"""The hot path: asking for a connection takes one statement that reads and one that writes."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from onenet_api.answers import Answer
from onenet_api.audit import log as audit
from onenet_api.connections import timeline
from onenet_api.connections.admission import Endpoint, Occupant, Survey
from onenet_api.connections.decisions import Decided
from onenet_api.connections.store import rows
from onenet_api.connections.views import ConnectionRequest
from onenet_api.idempotency import Once
from onenet_api.tables import LIVE_PAIR
from onenet_api.tokens import User
from onenet_common import database, outbox
from onenet_common.connection import L4Filter, Resource
from onenet_common.envelope import Message
from onenet_common.states import State

_FILTERS = TypeAdapter(tuple[L4Filter, ...])

_SURVEY = f"""
SELECT
    l.snapshot::text AS left_snapshot, l.l4filters::text AS left_l4filters,
    l.state AS left_state, l.version AS left_version,
    ls.name AS left_service_name, ls.owners AS left_owners,
    r.snapshot::text AS right_snapshot, r.l4filters::text AS right_l4filters,
    r.state AS right_state, r.version AS right_version,
    rs.name AS right_service_name, rs.owners AS right_owners,
    c.id AS occupant, c.state AS occupant_state, c.needed_from AS occupant_needs
FROM (VALUES ($1::uuid, $2::uuid)) AS pair (left_id, right_id)
LEFT JOIN resources l ON l.id = left_id LEFT JOIN services ls ON ls.id = l.service
LEFT JOIN resources r ON r.id = right_id LEFT JOIN services rs ON rs.id = r.service
LEFT JOIN LATERAL (
    SELECT id, state, needed_from FROM connections
    WHERE least(resource_left, resource_right) = least($1, $2)
        AND greatest(resource_left, resource_right) = greatest($1, $2) AND {LIVE_PAIR}
) AS c ON true
"""

# The resources are locked as they were judged, against new addresses and the deletion of their
# provider; when either has another version by now, nothing is stored.
_STORE = """
WITH sides AS (
    SELECT id FROM resources NATURAL JOIN unnest($2::uuid[], $3::int[]) AS judged (id, version)
    ORDER BY id FOR SHARE OF resources
), stored AS (
    INSERT INTO connections SELECT n.* FROM jsonb_populate_recordset(NULL::connections, $1) AS n
    WHERE (SELECT count(*) FROM sides) = 2
    RETURNING id
), published AS (
    INSERT INTO outbox (topic, key, headers, value)
    SELECT event.* FROM stored, unnest($4::text[], $5::text[], $6::jsonb[], $7::bytea[]) AS event
), told AS (
    INSERT INTO timeline SELECT t.* FROM stored, jsonb_populate_recordset(NULL::timeline, $8) AS t
), audited AS (
    INSERT INTO audit (id, actor, action, object_type, object_id, detail, services, trace_id)
    SELECT $9::uuid, $10, $11, $12, $13::uuid, $14::jsonb, $15::uuid[], $16 FROM stored
), answered AS (
    INSERT INTO answers (caller, key, request_digest, status, body, etag, location)
    SELECT $17, $18::text, $19, $20::int, $21, $22, $23 FROM stored WHERE $18::text IS NOT NULL
)
SELECT EXISTS (SELECT FROM stored)
"""
_NO_KEY = (None,) * 7


async def survey(connection: database.Connection, user: User, request: ConnectionRequest) -> Survey:
    """Read everything that the request is judged by."""
    [row] = await connection.fetch(_SURVEY, request.resource_left, request.resource_right)
    occupant = None
    if row["occupant"] is not None:
        needed_from = frozenset(UUID(service) for service in row["occupant_needs"])
        occupant = Occupant(row["occupant"], State(row["occupant_state"]), needed_from)
    return Survey(_endpoint(row, "left", user), _endpoint(row, "right", user), occupant)


async def store(
    connection: database.Connection,
    decided: Decided,
    versions: tuple[int, int],
    user: User,
    once: Once | None,
    answer: Answer,
) -> bool:
    """Store a new connection with its events, its timeline, its audit entry and the answer for its key.

    Args:
        versions: those of the left and right resource that were judged.

    Returns:
        False, with nothing stored, when a resource has another version by now.

    Raises:
        UniqueViolationError: when the pair has got a live connection, or the key an answer.
    """
    wanted = decided.connection
    messages = [Message.of(event, actor=user.name) for event in decided.events]
    entry = audit.Entry(user.name, decided.action, wanted.id, wanted.services, decided.detail)
    stored: bool = await connection.fetchval(
        _STORE,
        rows([wanted]),
        [wanted.resource_left, wanted.resource_right],
        versions,
        *outbox.rows(messages),
        timeline.rows(messages),
        *entry.columns(),
        *(once.columns(answer) if once else _NO_KEY),
    )
    return stored


def _endpoint(row: asyncpg.Record, side: str, user: User) -> Endpoint | None:
    if row[f"{side}_snapshot"] is None:
        return None
    return Endpoint(
        resource=_resource(row[f"{side}_snapshot"]),
        version=row[f"{side}_version"],
        present=row[f"{side}_state"] == "PRESENT",
        l4filters=_l4filters(row[f"{side}_l4filters"]),
        service_name=row[f"{side}_service_name"],
        owned=user.owns(row[f"{side}_owners"]),
    )


# The same few networks are asked for again and again, and parsing them takes longer than reading.
@lru_cache(maxsize=2000)
def _resource(snapshot: str) -> Resource:
    return Resource.model_validate_json(snapshot)


@lru_cache(maxsize=2000)
def _l4filters(text: str) -> tuple[L4Filter, ...]:
    return _FILTERS.validate_json(text)
