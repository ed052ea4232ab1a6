"""Connections in PostgreSQL: read one by one or in pages, written one by one or in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from onenet_api.audit import log as audit
from onenet_api.connections import timeline
from onenet_api.connections.decisions import Decided
from onenet_api.connections.model import Connection, towards
from onenet_api.connections.views import ConnectionQuery
from onenet_api.connections.waiting import notify
from onenet_api.pages import Listing
from onenet_api.problems import conflict
from onenet_api.tokens import User
from onenet_common import database
from onenet_common.connection import L4Filter, Resource
from onenet_common.envelope import Message

JOINED = frozenset({"service_name_left", "service_name_right"})
"""Fields of a connection that are no columns of its table."""

# The table may have columns of the next release; ours alone are read and written.
WRITTEN = [name for name in Connection.model_fields if name not in JOINED]
COLUMNS = ", ".join(f'"{name}"' for name in WRITTEN)
READ = ", ".join(f'c."{name}"' for name in WRITTEN)
"""The columns of a connection, as ``c``."""

# $1 is the user's scope: null for administrators, whom nothing limits.
_SELECT = f"""
SELECT {READ}, coalesce(l.name, '') AS service_name_left, coalesce(r.name, '') AS service_name_right,
    ($1::text[] IS NULL OR l.owners && $1) AS owns_left, ($1::text[] IS NULL OR r.owners && $1) AS owns_right
FROM connections c
LEFT JOIN services l ON l.id = c.service_left
LEFT JOIN services r ON r.id = c.service_right
"""
_VISIBLE = "($1::text[] IS NULL OR l.owners && $1 OR r.owners && $1)"
_FIND = f"{_SELECT} WHERE c.id = $2 AND {_VISIBLE}"
_FIND_AND_LOCK = f"{_FIND} FOR UPDATE OF c"
_CHANGED = [name for name in WRITTEN if name not in {"id", "created_at"}]
_UPDATE = " ".join(
    (
        "UPDATE connections AS c SET",
        ", ".join(f'"{name}" = n."{name}"' for name in _CHANGED),
        "FROM jsonb_populate_recordset(NULL::connections, $1) AS n WHERE c.id = n.id",
    )
)
_SORTABLE = {name: f"c.{name}" for name in ("created_at", "updated_at", "name", "state")}


@dataclass(frozen=True, slots=True)
class Seen:
    """A connection, and which of its services the user owns who looks at it."""

    connection: Connection
    owned: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Present:
    """A resource that is at its provider, with the filters that its owner has set on it."""

    resource: Resource
    l4filters: tuple[L4Filter, ...]

    def towards(self, peer: Present) -> Present:
        return replace(self, resource=towards(self.resource, peer.resource))


async def find(
    connection: database.Connection, user: User, connection_id: UUID, *, lock: bool = False
) -> Seen | None:
    """The connection, when it exists and the user owns either side.

    Args:
        lock: nobody else changes it until the transaction ends.
    """
    row = await connection.fetchrow(_FIND_AND_LOCK if lock else _FIND, user.scope, connection_id)
    return _seen(row) if row else None


async def page(
    connection: database.Connection, user: User, query: ConnectionQuery
) -> tuple[list[Seen], str | None]:
    """One page of the connections that the user may see, and the next one's cursor."""
    listing = Listing(_SELECT, "c.id", _SORTABLE, terms=[_VISIBLE], arguments=[user.scope])
    if query.state:
        listing.where("c.state = ANY(?)", query.state)
    if query.ctype is not None:
        listing.where("c.ctype = ?", query.ctype)
    if query.health is not None:
        listing.where("c.health = ?", query.health)
    if query.service is not None:
        listing.where("? IN (c.service_left, c.service_right)", query.service)
    if query.resource is not None:
        listing.where("? IN (c.resource_left, c.resource_right)", query.resource)
    if query.contains is not None:
        listing.where(_CONTAINS, query.contains)
    rows, following = await listing.fetch(connection, query)
    return [_seen(row) for row in rows], following


# Of a side that the user may not see yet, the filter must not tell the addresses either.
_CONTAINS = """
EXISTS (
    SELECT FROM (VALUES (c."left", l.owners), (c."right", r.owners)) AS side (snapshot, owners),
        jsonb_array_elements_text(side.snapshot -> 'subnets') AS subnet
    WHERE subnet::inet >>= ?::text::inet AND (
        $1::text[] IS NULL OR side.owners && $1 OR c.established_generation > 0
        OR EXISTS (
            SELECT FROM jsonb_array_elements(c.given) AS consent
            WHERE consent -> 'service' = side.snapshot -> 'service'
        )
    )
)
"""


async def locked(connection: database.Connection, condition: str, *arguments: Any) -> dict[UUID, Connection]:
    """Connections for whom a condition on ``c`` holds, locked in the order of their ids."""
    rows = await connection.fetch(
        f"SELECT {READ} FROM connections c WHERE {condition} ORDER BY c.id FOR UPDATE",
        *arguments,
    )
    return {row["id"]: Connection.model_validate(dict(row)) for row in rows}


async def read(connection: database.Connection, ids: Sequence[UUID]) -> dict[UUID, Connection]:
    """Those of the connections that there are, as they are now."""
    rows = await connection.fetch(f"SELECT {READ} FROM connections c WHERE c.id = ANY($1)", ids)
    return {row["id"]: Connection.model_validate(dict(row)) for row in rows}


async def resources(connection: database.Connection, ids: Sequence[UUID]) -> dict[UUID, Present]:
    """Those of the resources that are there, as last discovered."""
    rows = await connection.fetch(
        "SELECT id, snapshot, l4filters FROM resources WHERE id = ANY($1) AND state = 'PRESENT'", ids
    )
    return {
        row["id"]: Present(
            Resource.model_validate(row["snapshot"]),
            tuple(L4Filter.model_validate(one) for one in row["l4filters"]),
        )
        for row in rows
    }


async def save(connection: database.Connection, decided: Decided, user: User) -> None:
    """Store what a user's decision makes of a locked connection, with its events and audit entry.

    Raises:
        Problem: 409 when the pair of resources has another live connection.
    """
    changed = decided.connection
    try:
        await update(connection, [changed])
    except asyncpg.UniqueViolationError:
        raise conflict("pair-connected", "these two resources have another connection by now") from None
    await timeline.publish(connection, [Message.of(event, actor=user.name) for event in decided.events])
    entry = audit.Entry(user.name, decided.action, changed.id, changed.services, decided.detail)
    await audit.record(connection, entry)
    await notify(connection, [changed.id])


async def update(connection: database.Connection, changed: Iterable[Connection]) -> None:
    """Write whole rows of connections that are locked."""
    await connection.execute(_UPDATE, rows(changed))


def rows(connections: Iterable[Connection]) -> str:
    """Rows of the table, as a JSON array for ``jsonb_populate_recordset``."""
    return "[" + ",".join(one.model_dump_json(exclude=set(JOINED)) for one in connections) + "]"


def _seen(row: asyncpg.Record) -> Seen:
    connection = Connection.model_validate(dict(row))
    owned = {connection.service_left: row["owns_left"], connection.service_right: row["owns_right"]}
    return Seen(connection, frozenset(service for service, owns in owned.items() if owns))
