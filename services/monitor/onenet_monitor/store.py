"""Standings in PostgreSQL, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from onenet_common.connection import CType
from onenet_common.database import Connection
from onenet_common.housekeeping import Retention
from onenet_common.states import State
from onenet_monitor.standings import ENDED, OVER, UNDER_WAY, Standing

ENDED_STANDINGS = Retention("standings", "moved_at", 30, only=ENDED)
"""What has ended is remembered longer than any event of it can come back from a topic."""

_LOCK = {True: "FOR UPDATE", False: ""}

_KEEP_STANDING = """
INSERT INTO standings (connection_id, generation, state, ctype, asked_at, stands)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, state = excluded.state, ctype = excluded.ctype,
    asked_at = excluded.asked_at, stands = excluded.stands, moved_at = now()
"""


async def standings(
    connection: Connection, ids: Iterable[UUID], *, lock: bool = True
) -> dict[UUID, Standing]:
    """Where these connections stand, by default locked in the order of their ids."""
    rows = await connection.fetch(
        "SELECT connection_id, generation, state, ctype, asked_at, stands "
        f"FROM standings WHERE connection_id = ANY($1) ORDER BY connection_id {_LOCK[lock]}",
        sorted(set(ids)),
    )
    return {
        row["connection_id"]: Standing(
            generation=row["generation"],
            state=State(row["state"]),
            ctype=row["ctype"],
            asked_at=row["asked_at"],
            stands=row["stands"],
        )
        for row in rows
    }


async def over(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, int]:
    """The generations at which connections came to their end, of those that did."""
    rows = await connection.fetch(
        "SELECT connection_id, generation FROM standings WHERE connection_id = ANY($1) AND state = ANY($2)",
        list(ids),
        [state.value for state in OVER],
    )
    return {row["connection_id"]: row["generation"] for row in rows}


async def ctypes(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, CType]:
    """The ctypes of connections of which one is known."""
    rows = await connection.fetch(
        "SELECT connection_id, ctype FROM standings WHERE connection_id = ANY($1) AND ctype IS NOT NULL",
        list(ids),
    )
    return {row["connection_id"]: CType(row["ctype"]) for row in rows}


async def keep_standings(connection: Connection, changed: Mapping[UUID, Standing]) -> None:
    """Write standings as they are now."""
    await connection.executemany(
        _KEEP_STANDING,
        [
            (
                connection_id,
                standing.generation,
                standing.state.value,
                standing.ctype,
                standing.asked_at,
                standing.stands,
            )
            for connection_id, standing in changed.items()
        ],
    )


async def oldest_under_way(connection: Connection) -> dict[str, float]:
    """Seconds since the oldest connection of each state was asked for, of those not settled yet."""
    rows = await connection.fetch(
        "SELECT state, extract(epoch FROM now() - min(asked_at))::float8 AS age FROM standings "
        "WHERE state = ANY($1) GROUP BY 1",
        [state.value for state in UNDER_WAY],
    )
    return {row["state"]: row["age"] for row in rows}


async def count_standings(connection: Connection) -> dict[tuple[str, str], int]:
    """How many connections there are, by state and ctype; what is deleted does not count."""
    rows = await connection.fetch(
        "SELECT state, coalesce(ctype, '') AS ctype, count(*) AS connections FROM standings "
        "WHERE state <> 'DELETED' GROUP BY 1, 2"
    )
    return {(row["state"], row["ctype"]): row["connections"] for row in rows}
