"""Verdicts and the periods between their changes in PostgreSQL, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from onenet_common.database import Connection
from onenet_common.housekeeping import Retention
from onenet_common.states import Health
from onenet_monitor.periods import Period
from onenet_monitor.sources import Source
from onenet_monitor.verdicts import Verdict

PAST_PERIODS = Retention("health_periods", "until", 400, only="until IS NOT NULL")
"""Availability is told for the month that goes on and the twelve before it."""

_sources = TypeAdapter(dict[str, Source])

_COLUMNS = "connection_id, generation, health, since, reasons, judged_at, held_until, sources"

# The release before this one reads the columns candidate and streak.
_KEEP = """
INSERT INTO verdicts (connection_id, generation, health, since, reasons, judged_at, held_until, sources,
    sampled_at, due_at, known_until, candidate, streak)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $3, 1)
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, health = excluded.health, since = excluded.since,
    reasons = excluded.reasons, judged_at = excluded.judged_at, held_until = excluded.held_until,
    sources = excluded.sources, sampled_at = excluded.sampled_at, due_at = excluded.due_at,
    known_until = excluded.known_until, candidate = excluded.candidate, streak = excluded.streak
"""

_CLOSE_PERIOD = """
UPDATE health_periods SET until = greatest(since, $2) WHERE connection_id = $1 AND until IS NULL
"""

# What lasted no time at all is replaced by what began at the same moment.
_KEEP_PERIOD = """
INSERT INTO health_periods (connection_id, since, until, health) VALUES ($1, $2, $3, $4)
ON CONFLICT (connection_id, since) DO UPDATE SET until = excluded.until, health = excluded.health
"""


async def verdicts(connection: Connection, ids: Iterable[UUID], *, lock: bool = True) -> dict[UUID, Verdict]:
    """The verdicts on these connections, by default locked in the order of their ids."""
    locking = "FOR UPDATE" if lock else ""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM verdicts WHERE connection_id = ANY($1) ORDER BY connection_id {locking}",
        sorted(set(ids)),
    )
    return {row["connection_id"]: _verdict(row) for row in rows}


async def judged(connection: Connection) -> list[UUID]:
    """The connections that there is a verdict on."""
    rows = await connection.fetch("SELECT connection_id FROM verdicts ORDER BY connection_id")
    return [row["connection_id"] for row in rows]


async def due(connection: Connection, now: datetime, limit: int) -> dict[UUID, Verdict]:
    """Verdicts that time alone may change by now, the longest due first, locked.

    Those that somebody else has in hand are passed over: he judges them, or they are still due later.
    """
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM verdicts WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        limit,
    )
    return {row["connection_id"]: _verdict(row) for row in rows}


async def keep(connection: Connection, changed: Mapping[UUID, Verdict]) -> None:
    """Write verdicts as they are now."""
    await connection.executemany(_KEEP, [_row(one, verdict) for one, verdict in changed.items()])


async def keep_periods(connection: Connection, begun: Mapping[UUID, Sequence[Period]]) -> None:
    """Write the periods that begin, each connection's in order, and end the ones before them."""
    begun = {one: of for one, of in begun.items() if of}
    await close_periods(connection, {one: of[0].since for one, of in begun.items()})
    await connection.executemany(
        _KEEP_PERIOD,
        [
            (one, period.since, period.until, period.health.value)
            for one, of in begun.items()
            for period in of
        ],
    )


async def close_periods(connection: Connection, at: Mapping[UUID, datetime]) -> None:
    """End what goes on; what has ended stays as it is."""
    await connection.executemany(_CLOSE_PERIOD, list(at.items()))


async def drop(connection: Connection, ids: Iterable[UUID]) -> None:
    """Forget the verdicts on connections that are no more."""
    await connection.execute("DELETE FROM verdicts WHERE connection_id = ANY($1)", list(ids))


async def count(connection: Connection) -> dict[str, int]:
    """How many connections are in which health; what is known no longer is UNKNOWN."""
    rows = await connection.fetch(
        "SELECT CASE WHEN known_until <= now() THEN 'UNKNOWN' ELSE health END AS health, "
        "count(*) AS connections FROM verdicts GROUP BY 1"
    )
    return {row["health"]: row["connections"] for row in rows}


async def sample_ages(connection: Connection) -> dict[str, float]:
    """Seconds since the newest sample of each source, on whatever connection."""
    rows = await connection.fetch(
        "SELECT source.key AS source, extract(epoch FROM now() - max((source.value ->> 'at')::timestamptz))"
        "::float8 AS age FROM verdicts, jsonb_each(sources) AS source GROUP BY 1"
    )
    return {row["source"]: max(0.0, row["age"]) for row in rows}


def _verdict(row: Any) -> Verdict:
    return Verdict(
        generation=row["generation"],
        health=Health(row["health"]),
        since=row["since"],
        reasons=tuple(row["reasons"]),
        judged_at=row["judged_at"],
        held_until=row["held_until"],
        sources=_sources.validate_python(row["sources"]),
    )


def _row(connection_id: UUID, verdict: Verdict) -> tuple[Any, ...]:
    return (
        connection_id,
        verdict.generation,
        verdict.health.value,
        verdict.since,
        list(verdict.reasons),
        verdict.judged_at,
        verdict.held_until,
        _sources.dump_json(dict(verdict.sources)).decode(),
        verdict.sampled_at,
        verdict.due_at,
        verdict.known_until,
    )
