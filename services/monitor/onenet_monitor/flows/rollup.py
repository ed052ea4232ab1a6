"""Hours from minutes and days from hours: made again, exactly, for every hour that was touched.

Every batch leaves a mark for each hour that it adds to, in its transaction. A round takes the marks that
it sees, and then reads the minutes: with a mark it sees all that was added with it, and a mark that
comes later is for the next round. One round runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from onenet_common.database import Connection, Database
from onenet_monitor.flows import partitions
from onenet_monitor.flows.columns import AMOUNTS, KEY
from onenet_monitor.flows.partitions import Partitioned

HOURS = 24
"""That one round takes at most, oldest first."""

_TAKE = """
DELETE FROM flow_touched WHERE hour IN (SELECT DISTINCT hour FROM flow_touched ORDER BY hour LIMIT $1)
RETURNING hour
"""


def _rolling(fine: str, fine_since: str, coarse: str, since: str) -> str:
    key, sums = ", ".join(KEY), ", ".join(AMOUNTS)
    made = ", ".join(f"sum({name})::bigint" for name in AMOUNTS)
    new = ", ".join(f"{name} = excluded.{name}" for name in AMOUNTS)
    before, after = (", ".join(f"{of}.{name}" for name in AMOUNTS) for of in ("old", "excluded"))
    return (
        f"INSERT INTO {coarse} AS old ({since}, {key}, {sums}) SELECT $1::timestamptz, {key}, {made} "
        f"FROM {fine} WHERE {fine_since} >= $1 AND {fine_since} < $2 GROUP BY {key} "
        f"ON CONFLICT ({since}, {key}) DO UPDATE SET {new} WHERE ({before}) <> ({after})"
    )


_HOUR = _rolling("flow_minutes", "minute", "flow_hours", "hour")
_DAY = _rolling("flow_hours", "hour", "flow_days", "day")


async def roll_up(database: Database, table: Partitioned, since: datetime) -> int:
    """Make the sums of touched hours, and of their days, again.

    Args:
        table: of the hours; partitions that are missing are made.
        since: hours before it are left as they are, for their minutes may be gone.

    Returns:
        how many hours were taken: when that is ``HOURS``, there may be more.
    """
    async with database.acquire() as connection:
        touched = await connection.fetch("SELECT DISTINCT hour FROM flow_touched")
    await partitions.make(database, table, {row["hour"].date() for row in touched if row["hour"] >= since})
    async with database.transaction() as connection:
        if not await connection.fetchval(
            "SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || ' roll up'))"
        ):
            return 0
        hours = {row["hour"] for row in await connection.fetch(_TAKE, HOURS)}
        await _roll(connection, [hour for hour in sorted(hours) if hour >= since])
    return len(hours)


async def _roll(connection: Connection, hours: Iterable[datetime]) -> None:
    days = set()
    for hour in hours:
        await connection.execute(_HOUR, hour, hour + timedelta(hours=1))
        days.add(hour.replace(hour=0))
    for day in sorted(days):
        await connection.execute(_DAY, day, day + timedelta(days=1))
