"""Traffic of one connection, from the monitor's views."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from onenet_api.monitored import reading
from onenet_api.tokens import User
from onenet_api.traffic.views import Amount, BusyConnection, StepOfTime
from onenet_common.database import Connection

VIEWS = {
    StepOfTime.MINUTE: "monitor.traffic_minutes",
    StepOfTime.HOUR: "monitor.traffic_hours",
    StepOfTime.DAY: "monitor.traffic_days",
}
_AMOUNTS = ("bytes", "packets", "flows")
_SUMS = ", ".join(f"sum({name})::int8 AS {name}" for name in _AMOUNTS)
MOST_PORTS = 50

# Read once and added up twice: reading is most of the work.
_CARRIED = f"""
WITH seen AS MATERIALIZED (
    SELECT since, accepted, source = $4 AS from_left, protocol, port, bytes, packets, flows
    FROM {{view}} WHERE connection = $1 AND since >= $2 AND since < $3
)
(
    SELECT since, accepted, from_left, NULL::int2 AS protocol, NULL::int4 AS port, {_SUMS}
    FROM seen GROUP BY since, accepted, from_left
) UNION ALL (
    SELECT NULL, accepted, NULL, protocol, port, {_SUMS}
    FROM seen GROUP BY protocol, port, accepted
    ORDER BY bytes DESC, protocol, port, accepted DESC LIMIT {MOST_PORTS}
)
"""

_PARTS = {
    "left_to_right": "t.accepted AND t.source = c.resource_left",
    "right_to_left": "t.accepted AND t.source <> c.resource_left",
    "refused": "NOT t.accepted",
}
_BUSIEST = f"""
SELECT c.id AS connection, c.name, c.state, c.health, coalesce(l.name, '') AS left_service,
    coalesce(r.name, '') AS right_service, sum(t.bytes)::int8 AS total,
    {
    ", ".join(
        f"coalesce(sum(t.{name}) FILTER (WHERE {part}), 0)::int8 AS {title}_{name}"
        for title, part in _PARTS.items()
        for name in _AMOUNTS
    )
}
FROM monitor.traffic_minutes t JOIN connections c ON c.id = t.connection
LEFT JOIN services l ON l.id = c.service_left LEFT JOIN services r ON r.id = c.service_right
WHERE t.since >= $2 AND t.since < $3 AND ($1::text[] IS NULL OR l.owners && $1 OR r.owners && $1)
GROUP BY c.id, l.name, r.name ORDER BY total DESC, c.id LIMIT $4
"""


async def busiest(
    connection: Connection, user: User, since: datetime, until: datetime, most: int
) -> list[BusyConnection]:
    """The user's connections that carried most."""
    with reading():
        rows = await connection.fetch(_BUSIEST, user.scope, since, until, most)
    return [_busy(row) for row in rows]


async def carried(
    connection: Connection, of: UUID, left: UUID, step: StepOfTime, since: datetime, until: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps in which there was any, and the busiest ports.

    Args:
        left: the left side's resource, which tells the directions apart.

    Returns:
        each what ``TrafficPoint`` and ``TrafficByPort`` are made of: a month is a thousand of them,
        and nothing in them is in doubt.
    """
    with reading():
        rows = await connection.fetch(_CARRIED.format(view=VIEWS[step]), of, since, until, left)
    found: dict[datetime, dict[str, Any]] = {}
    ports = []
    for row in rows:
        if row["since"] is None:
            ports.append(_port(row))
        else:
            point = found.setdefault(row["since"], _nothing(row["since"]))
            _add(point[_part(row)], row)
    points = [found[since] for since in sorted(found)]
    return points, sorted(
        ports, key=lambda one: (-one["bytes"], one["protocol"], one["port"], one["refused"])
    )


async def last_seen(connection: Connection, of: UUID) -> datetime | None:
    with reading():
        found: datetime | None = await connection.fetchval(
            "SELECT max(last_seen) FROM monitor.service_dependencies WHERE connection = $1", of
        )
    return found


def _port(row: asyncpg.Record) -> dict[str, Any]:
    amounts = {name: row[name] for name in _AMOUNTS}
    return {"protocol": row["protocol"], "port": row["port"], "refused": not row["accepted"], **amounts}


def _nothing(since: datetime) -> dict[str, Any]:
    return {"since": since, **{part: dict.fromkeys(_AMOUNTS, 0) for part in _PARTS}}


def _part(row: asyncpg.Record) -> str:
    if not row["accepted"]:
        return "refused"
    return "left_to_right" if row["from_left"] else "right_to_left"


def _add(amount: dict[str, int], row: asyncpg.Record) -> None:
    for name in _AMOUNTS:
        amount[name] += row[name]


def _busy(row: asyncpg.Record) -> BusyConnection:
    amounts = {part: Amount(**{name: row[f"{part}_{name}"] for name in _AMOUNTS}) for part in _PARTS}
    return BusyConnection(
        connection=row["connection"],
        name=row["name"],
        state=row["state"],
        health=row["health"],
        left=row["left_service"],
        right=row["right_service"],
        **amounts,
    )
