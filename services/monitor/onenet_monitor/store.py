"""Verdicts and standings in PostgreSQL, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from onenet_common.database import Connection
from onenet_common.housekeeping import Retention
from onenet_common.states import Health, State
from onenet_monitor.standings import ENDED, OVER, UNDER_WAY, Standing
from onenet_monitor.verdicts import Verdict

ENDED_STANDINGS = Retention("standings", "moved_at", 30, only=ENDED)
"""What has ended is remembered longer than any event of it can come back from a topic."""

_LOCK = {True: "FOR UPDATE", False: ""}

_KEEP_VERDICT = """
INSERT INTO verdicts (connection_id, generation, health, candidate, streak, reasons, since, sampled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, health = excluded.health, candidate = excluded.candidate,
    streak = excluded.streak, reasons = excluded.reasons, since = excluded.since,
    sampled_at = excluded.sampled_at
"""

_KEEP_STANDING = """
INSERT INTO standings (connection_id, generation, state, ctype, asked_at, stands)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, state = excluded.state, ctype = excluded.ctype,
    asked_at = excluded.asked_at, stands = excluded.stands, moved_at = now()
"""


async def verdicts(connection: Connection, ids: Iterable[UUID], *, lock: bool = True) -> dict[UUID, Verdict]:
    """The verdicts on these connections, by default locked in the order of their ids."""
    rows = await connection.fetch(
        "SELECT connection_id, generation, health, candidate, streak, reasons, since, sampled_at "
        f"FROM verdicts WHERE connection_id = ANY($1) ORDER BY connection_id {_LOCK[lock]}",
        sorted(set(ids)),
    )
    return {
        row["connection_id"]: Verdict(
            generation=row["generation"],
            health=Health(row["health"]),
            candidate=Health(row["candidate"]),
            streak=row["streak"],
            reasons=tuple(row["reasons"]),
            since=row["since"],
            sampled_at=row["sampled_at"],
        )
        for row in rows
    }


async def keep_verdicts(connection: Connection, changed: Mapping[UUID, Verdict]) -> None:
    """Write verdicts as they are now."""
    await connection.executemany(
        _KEEP_VERDICT,
        [
            (
                connection_id,
                verdict.generation,
                verdict.health.value,
                verdict.candidate.value,
                verdict.streak,
                list(verdict.reasons),
                verdict.since,
                verdict.sampled_at,
            )
            for connection_id, verdict in changed.items()
        ],
    )


async def drop_verdicts(connection: Connection, ids: Iterable[UUID]) -> None:
    """Forget connections that are no more."""
    await connection.execute("DELETE FROM verdicts WHERE connection_id = ANY($1)", list(ids))


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


async def count_verdicts(connection: Connection) -> dict[str, int]:
    """How many connections are held to be in which health."""
    rows = await connection.fetch("SELECT health, count(*) AS connections FROM verdicts GROUP BY 1")
    return {row["health"]: row["connections"] for row in rows}


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
