"""Dependencies from the monitor's view, with the names that the API knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onenet_api.dependencies.views import DependencyEdge, DependencyQuery
from onenet_api.monitored import reading
from onenet_api.pages import Listing, encode
from onenet_api.tokens import User
from onenet_common.database import Connection

_SELECT = """
SELECT d.id, d.client, d.server, d.kind AS carried_by, d.connection, d.protocol, d.port,
    d.first_seen, d.last_seen, d.bytes, d.packets, d.flows
FROM monitor.service_dependencies d
"""
_OWNED = "SELECT r.id FROM resources r JOIN services s ON s.id = r.service WHERE s.owners && ?::text[]"
_OF_SERVICE = "SELECT r.id FROM resources r WHERE r.service = ?::uuid"
# IN, since PostgreSQL hashes what a query gives, and goes through an array for each row.
_EITHER_END = "(d.client IN ({ends}) OR d.server IN ({ends}))"


def _value(name: str, kind: Any) -> str:
    """SQL for one value of an edge as JSON, none of which needs escapes."""
    if kind is int:
        return name
    if kind is datetime:
        return f"replace(to_json({name})::text, '+00:00', 'Z')"
    return f"""coalesce('"' || {name} || '"', 'null')"""


_FIELDS = {name: field.annotation for name, field in DependencyEdge.model_fields.items()}
_MEMBERS = ",".join(f'"{name}":%s' for name in _FIELDS)
_VALUES = ", ".join(_value(name, kind) for name, kind in _FIELDS.items())

# The database writes the JSON: thousands of rows would each become objects here, only to be written out.
# It answers a row for each edge, after one for the page: gathering them there takes it a third of its
# time, and we take the first ones in while it writes the next.
_GRAPH = f"""
WITH page AS MATERIALIZED ({{page}}),
shown AS (SELECT * FROM page LIMIT {{limit}}),
ending AS (SELECT {{sort}} AS time, id FROM page OFFSET {{limit}} - 1 LIMIT 2),
nodes AS (
    SELECT r.id AS resource, r.name, r.service, s.name AS service_name,
        (${{scope}}::text[] IS NULL OR s.owners && ${{scope}}) AS owned
    FROM resources r JOIN services s ON s.id = r.service
    WHERE r.id IN (SELECT client FROM shown) OR r.id IN (SELECT server FROM shown)
    ORDER BY s.name, r.name, r.id
)
SELECT (SELECT coalesce(string_agg(row_to_json(nodes)::text, ','), '') FROM nodes) AS json,
    (SELECT time FROM ending LIMIT 1) AS last_time, (SELECT id FROM ending LIMIT 1) AS last_id,
    (SELECT count(*) > 1 FROM ending) AS more
UNION ALL SELECT format('{{{{{_MEMBERS}}}}}', {_VALUES}), NULL, NULL, NULL FROM shown
"""


async def graph(
    connection: Connection, user: User, query: DependencyQuery
) -> tuple[str, list[str], str | None]:
    """One page of what the user may see: every edge with a network of his at either end.

    Returns:
        the networks at the edges' ends that the API knows, by name, as the items of a JSON list; the
        edges, each in JSON; and the next page's cursor.
    """
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
    listed = listing.statement(query)
    arguments = [*listing.arguments, user.scope]
    sort = query.sort.removeprefix("-")
    statement = _GRAPH.format(page=listed, limit=query.limit, sort=sort, scope=len(arguments))
    with reading():
        page, *edges = await connection.fetch(statement, *arguments)
    following = encode(query.sort, page["last_time"], page["last_id"]) if page["more"] else None
    return page["json"], [edge[0] for edge in edges], following
