"""Dependencies from the monitor's view, with the names that the API knows."""

from __future__ import annotations

from onenet_api.dependencies.views import DependencyQuery
from onenet_api.monitored import reading_much
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

# The database writes the JSON: thousands of rows would each become objects here, only to be written out.
_GRAPH = """
WITH page AS MATERIALIZED ({page}),
shown AS (SELECT * FROM page LIMIT {limit}),
nodes AS (
    SELECT r.id AS resource, r.name, r.service, s.name AS service_name,
        (${scope}::text[] IS NULL OR s.owners && ${scope}) AS owned
    FROM resources r JOIN services s ON s.id = r.service
    WHERE r.id IN (SELECT client FROM shown UNION SELECT server FROM shown)
    ORDER BY s.name, r.name, r.id
)
SELECT (SELECT string_agg(row_to_json(nodes)::text, ',') FROM nodes) AS nodes,
    (SELECT string_agg(row_to_json(shown)::text, ',') FROM shown) AS edges,
    (SELECT {sort} FROM page OFFSET {limit} - 1 LIMIT 1) AS last_time,
    (SELECT id FROM page OFFSET {limit} - 1 LIMIT 1) AS last_id,
    (SELECT count(*) FROM page) > {limit} AS more
"""


async def graph(connection: Connection, user: User, query: DependencyQuery) -> tuple[str, str, str | None]:
    """One page of what the user may see: every edge with a network of his at either end.

    Returns:
        the networks at the edges' ends that the API knows, by name, and the edges, each the items of
        a JSON list; and the next page's cursor.
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
    page = listing.statement(query)
    arguments = [*listing.arguments, user.scope]
    sort = query.sort.removeprefix("-")
    statement = _GRAPH.format(page=page, limit=query.limit, sort=sort, scope=len(arguments))
    async with reading_much(connection):
        (row,) = await connection.fetch(statement, *arguments)
    following = encode(query.sort, row["last_time"], row["last_id"]) if row["more"] else None
    return row["nodes"] or "", row["edges"] or "", following
