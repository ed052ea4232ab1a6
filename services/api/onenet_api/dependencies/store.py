"""Dependencies from the monitor's view, with the names that the API knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from onenet_api.dependencies.views import DependencyQuery
from onenet_api.monitored import reading
from onenet_api.pages import Listing
from onenet_api.tokens import User
from onenet_common.database import Connection

_SELECT = """
SELECT d.id, d.client, d.server, d.kind AS carried_by, d.connection, d.protocol, d.port,
    d.first_seen, d.last_seen, d.bytes, d.packets, d.flows
FROM monitor.service_dependencies d
"""
_OWNED = """
ARRAY(SELECT r.id FROM resources r JOIN services s ON s.id = r.service WHERE s.owners && ?::text[])
"""
_OF_SERVICE = "ARRAY(SELECT r.id FROM resources r WHERE r.service = ?::uuid)"
_EITHER_END = "(d.client = ANY({ends}) OR d.server = ANY({ends}))"
_NODES = """
SELECT r.id AS resource, r.name, r.service, s.name AS service_name,
    ($2::text[] IS NULL OR s.owners && $2) AS owned
FROM resources r JOIN services s ON s.id = r.service WHERE r.id = ANY($1) ORDER BY s.name, r.name, r.id
"""


async def edges(
    connection: Connection, user: User, query: DependencyQuery
) -> tuple[Sequence[asyncpg.Record], str | None]:
    """One page of what the user may see: every edge with a network of his at either end."""
    listing = Listing(_SELECT, "d.id", {"last_seen": "d.last_seen", "first_seen": "d.first_seen"})
    if user.scope is not None:
        listing.where(_EITHER_END.format(ends=_OWNED), user.scope)
    if query.service is not None:
        listing.where(_EITHER_END.format(ends=_OF_SERVICE), query.service)
    if query.resource is not None:
        listing.where("? IN (d.client, d.server)", query.resource)
    if query.connection is not None:
        listing.where("d.connection = ?", query.connection)
    if query.carried_by is not None:
        listing.where("d.kind = ?", query.carried_by)
    with reading():
        return await listing.fetch(connection, query)


async def nodes(connection: Connection, user: User, ends: Iterable[UUID]) -> Sequence[asyncpg.Record]:
    """The networks among these that the API knows, by name."""
    return await connection.fetch(_NODES, list(ends), user.scope)
