"""The hot path: asking for connections takes one statement that reads and one that writes.

Requests that come together share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from onenet_api.answers import Answer
from onenet_api.audit import log as audit
from onenet_api.connections import timeline
from onenet_api.connections.admission import Endpoint, Occupant, Survey
from onenet_api.connections.decisions import Decided
from onenet_api.connections.model import Connection
from onenet_api.connections.pairs import LIVE_PAIR
from onenet_api.connections.store import COLUMNS, rows
from onenet_api.connections.views import ConnectionRequest
from onenet_api.idempotency import Once
from onenet_api.together import Together
from onenet_api.tokens import User
from onenet_common import outbox, tracing
from onenet_common.connection import L4Filter, Resource
from onenet_common.database import Database
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
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS pair (left_id, right_id, place)
LEFT JOIN resources l ON l.id = left_id LEFT JOIN services ls ON ls.id = l.service
LEFT JOIN resources r ON r.id = right_id LEFT JOIN services rs ON rs.id = r.service
LEFT JOIN LATERAL (
    SELECT id, state, needed_from FROM connections
    WHERE least(resource_left, resource_right) = least(left_id, right_id)
        AND greatest(resource_left, resource_right) = greatest(left_id, right_id) AND {LIVE_PAIR}
    LIMIT 1
) AS c ON true
ORDER BY place
"""

# The resources are locked as they were judged, against new addresses and the deletion of their
# provider; a connection of which either has another version by now is not stored. Pairs are stored
# in their order, so that two statements with some in common wait for, not deadlock, each other.
_STORE = f"""
WITH locked AS (
    SELECT id AS side, version AS seen FROM resources WHERE id = ANY($2::uuid[]) ORDER BY id FOR SHARE
), stored AS (
    INSERT INTO connections ({COLUMNS})
    SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::connections, $1) AS n
    JOIN unnest($3::uuid[], $4::int[], $5::int[]) AS judged (id, version_left, version_right) USING (id)
    JOIN locked AS l ON l.side = n.resource_left AND l.seen = version_left
    JOIN locked AS r ON r.side = n.resource_right AND r.seen = version_right
    ORDER BY least(resource_left, resource_right), greatest(resource_left, resource_right)
    RETURNING id
), published AS (
    INSERT INTO outbox (topic, key, headers, value)
    SELECT topic, key, headers, value
    FROM unnest($6::text[], $7::text[], $8::jsonb[], $9::bytea[])
        WITH ORDINALITY AS event (topic, key, headers, value, place)
    JOIN stored ON key = stored.id::text ORDER BY place
), told AS (
    INSERT INTO timeline ({timeline.COLUMNS})
    SELECT {timeline.COLUMNS} FROM jsonb_populate_recordset(NULL::timeline, $10)
    WHERE connection_id IN (SELECT id FROM stored)
), audited AS (
    INSERT INTO audit (id, actor, action, object_type, object_id, detail, services, trace_id)
    SELECT a.id, actor, action, object_type, object_id, detail, services, trace_id
    FROM jsonb_populate_recordset(NULL::audit, $11) AS a JOIN stored ON object_id = stored.id
), answered AS (
    INSERT INTO answers (caller, key, request_digest, status, body, etag, location)
    SELECT caller, key, request_digest, status, body, etag, location
    FROM unnest($12::uuid[], $13::text[], $14::text[], $15::text[], $16::int[], $17::text[], $18::text[],
        $19::text[]) AS given (id, caller, key, request_digest, status, body, etag, location)
    JOIN stored USING (id)
)
SELECT id FROM stored
"""
_ANSWER_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class New:
    """A connection to be stored, with its events, its audit entry and the answer for its key.

    Args:
        versions: those of the left and right resource that were judged.
    """

    connection: Connection
    versions: tuple[int, int]
    messages: list[Message]
    entry: audit.Entry
    once: Once | None
    answer: Answer

    @classmethod
    def of(
        cls, decided: Decided, versions: tuple[int, int], user: User, once: Once | None, answer: Answer
    ) -> New:
        wanted = decided.connection
        messages = [Message.of(event, actor=user.name) for event in decided.events]
        entry = audit.Entry(user.name, decided.action, wanted.id, wanted.services, decided.detail)
        return cls(wanted, versions, messages, entry, once, answer)


class Requests:
    """What requests for connections read and write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._surveys = Together(self._survey_all)
        self._stores = Together(self._store_all)

    async def survey(self, user: User, request: ConnectionRequest) -> Survey:
        """Read everything that the request is judged by."""
        row = await self._surveys.do((request.resource_left, request.resource_right))
        occupant = None
        if row["occupant"] is not None:
            needed_from = frozenset(UUID(service) for service in row["occupant_needs"])
            occupant = Occupant(row["occupant"], State(row["occupant_state"]), needed_from)
        return Survey(_endpoint(row, "left", user), _endpoint(row, "right", user), occupant)

    async def store(self, new: New) -> bool:
        """Store a new connection and all that goes with it.

        Returns:
            False, with nothing stored, when a resource has another version by now.

        Raises:
            UniqueViolationError: when the pair has got a live connection, or the key an answer.
        """
        with tracing.database("INSERT", "connections"):
            return await self._stores.do(new)

    async def _survey_all(self, pairs: Sequence[tuple[UUID, UUID]]) -> Sequence[asyncpg.Record]:
        async with self._database.acquire() as connection:
            return await connection.fetch(_SURVEY, *map(list, zip(*pairs, strict=True)))

    async def _store_all(self, wanted: Sequence[New]) -> Sequence[bool]:
        connections = [new.connection for new in wanted]
        messages = [message for new in wanted for message in new.messages]
        answers = [(new.connection.id, *new.once.columns(new.answer)) for new in wanted if new.once]
        async with self._database.acquire() as connection:
            found = await connection.fetch(
                _STORE,
                rows(connections),
                [side for one in connections for side in (one.resource_left, one.resource_right)],
                [one.id for one in connections],
                *map(list, zip(*(new.versions for new in wanted), strict=True)),
                *outbox.rows(messages),
                timeline.rows(messages),
                audit.rows(new.entry for new in wanted),
                *(map(list, zip(*answers, strict=True)) if answers else [[]] * _ANSWER_COLUMNS),
            )
        self._database.outbox_written.set()
        stored = {row["id"] for row in found}
        return [one.id in stored for one in connections]


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
