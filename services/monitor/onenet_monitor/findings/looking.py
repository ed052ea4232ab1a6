"""The picture of the traffic, read from the sums."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from onenet_common.connection import L4Filter
from onenet_common.database import Connection
from onenet_monitor.findings.picture import Edge, Network, Path, Picture

HOURS = 24
"""How far back edges are looked at: a finding stays open so long after its cause was seen last."""
BUSY = timedelta(hours=1)
OBSERVED = timedelta(days=2)

_FILTERS = TypeAdapter(tuple[L4Filter, ...])

_EDGES = """
SELECT kind, connection, CASE WHEN reply THEN target ELSE source END AS client,
    CASE WHEN reply THEN source ELSE target END AS server, protocol, port, accepted,
    sum(bytes)::int8 AS bytes, sum(flows)::int8 AS flows, max(since) AS last_seen
FROM seen_hours WHERE since >= $1 AND kind <> 'unknown' AND (source IS NOT NULL OR target IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_PATHS = """
SELECT l.connection_id AS id, t.name, l.resource_left AS "left", l.resource_right AS "right",
    l.valid_from AS since, t.l4filters, t.encrypted, t.bandwidth_mbps, t.price_per_gb_usd,
    t.monthly_fixed_usd, t.monthly_gb
FROM links l JOIN path_terms t ON t.connection_id = l.connection_id WHERE l.valid_until IS NULL
"""
_MONTH = """
SELECT connection, sum(bytes)::int8 FROM seen_days
WHERE since >= date_trunc('month', $1::timestamptz, 'UTC') AND connection IS NOT NULL AND accepted
GROUP BY 1
"""
_BUSIEST = """
SELECT connection, max(bytes)::int8 FROM (
    SELECT connection, since, sum(bytes) AS bytes FROM seen_minutes
    WHERE since >= $1 AND connection IS NOT NULL AND accepted GROUP BY 1, 2
) minutes GROUP BY 1
"""
_LAST_SEEN = "SELECT connection, max(last_seen) FROM edges WHERE connection IS NOT NULL GROUP BY 1"
# Edges are of what was let through; who logs nothing but refusals logs as well.
_OBSERVED = """
SELECT client AS network FROM edges WHERE client_logged_at >= $1
UNION SELECT server FROM edges WHERE server_logged_at >= $1
UNION SELECT CASE observer WHEN 'source' THEN source ELSE target END FROM flow_hours
WHERE hour >= $1 AND NOT accepted
"""
_NETWORKS = """
SELECT n.resource_id, coalesce(k.name, n.native_id) AS name, n.subnets::text[] AS subnets
FROM networks n LEFT JOIN network_names k ON k.resource_id = n.resource_id WHERE n.valid_until IS NULL
"""


async def look(connection: Connection, now: datetime) -> Picture:
    """What the sums show of the last hours and of this month."""
    return Picture(
        now=now,
        hours=HOURS,
        edges=[Edge(**row) for row in await connection.fetch(_EDGES, now - timedelta(hours=HOURS))],
        paths=await _paths(connection, now),
        networks={
            row["resource_id"]: Network(row["name"], tuple(row["subnets"]))
            for row in await connection.fetch(_NETWORKS)
        },
        observed=frozenset(
            row["network"] for row in await connection.fetch(_OBSERVED, now - OBSERVED) if row["network"]
        ),
    )


async def _paths(connection: Connection, now: datetime) -> list[Path]:
    month = await _by_connection(connection, _MONTH, now)
    busiest = await _by_connection(connection, _BUSIEST, now - BUSY)
    last_seen = await _by_connection(connection, _LAST_SEEN)
    return [
        Path(
            **{**row, "l4filters": _FILTERS.validate_python(row["l4filters"])},
            bytes_this_month=month.get(row["id"], 0),
            busiest_minute_bytes=busiest.get(row["id"], 0),
            last_seen=last_seen.get(row["id"]),
        )
        for row in await connection.fetch(_PATHS)
    ]


async def _by_connection(connection: Connection, statement: str, *arguments: datetime) -> dict[UUID, Any]:
    """The second column by the first."""
    return {row[0]: row[1] for row in await connection.fetch(statement, *arguments)}
