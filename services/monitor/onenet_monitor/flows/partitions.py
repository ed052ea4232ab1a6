"""Partitions by day: made before they are needed, dropped when they are past their retention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from onenet_common.database import Connection, Database

AHEAD = 2
"""Days after today whose partitions are there already."""
FILLFACTOR = 60
"""Percent of a page that are filled at first: sums are added to soon, within the page and no index (HOT)."""


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table with a partition for each day of UTC.

    Args:
        days: full days before today that are kept.
    """

    table: str
    days: int

    def name(self, day: date) -> str:
        return f"{self.table}_{day:%Y%m%d}"

    def oldest(self, today: date) -> date:
        """The oldest day that is kept."""
        return today - timedelta(days=self.days)

    def day_of(self, partition: str) -> date:
        text = partition.removeprefix(f"{self.table}_")
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))


async def make(database: Database, table: Partitioned, days: Iterable[date]) -> None:
    """Make the partitions that are missing; safe with many at once."""
    async with database.transaction() as connection:
        missing = {table.name(day): day for day in days}
        for name in set(missing) & await present(connection, table):
            del missing[name]
        if not missing:
            return
        await _alone(connection, table)
        for name in set(missing) - await present(connection, table):
            await _attach(connection, table, missing[name])


async def drop(database: Database, table: Partitioned, today: date) -> int:
    """Drop the partitions that are past their retention, and say how many."""
    async with database.transaction() as connection:
        await _alone(connection, table)
        past = [name for name in await present(connection, table) if table.day_of(name) < table.oldest(today)]
        for name in past:
            await connection.execute(f'DROP TABLE "{name}"')
        return len(past)


def ahead(now: datetime) -> list[date]:
    """Yesterday, for what comes late around midnight, today, and the days to come."""
    today = now.astimezone(UTC).date()
    return [today + timedelta(days=days) for days in range(-1, AHEAD + 1)]


async def present(connection: Connection, table: Partitioned) -> set[str]:
    """The names of the partitions that there are."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = to_regclass($1)",
        table.table,
    )
    return {row["relname"] for row in rows}


async def _alone(connection: Connection, table: Partitioned) -> None:
    await connection.execute("SET LOCAL lock_timeout = '5s'")
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtext(current_schema() || $1))", f" partitions of {table.table}"
    )


async def _attach(connection: Connection, table: Partitioned, day: date) -> None:
    """Made apart and then attached: unlike creation in place, that locks out nobody who writes."""
    name = table.name(day)
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = begin + timedelta(days=1)
    await connection.execute(
        f'CREATE TABLE "{name}" (LIKE {table.table} INCLUDING DEFAULTS) WITH (fillfactor = {FILLFACTOR})'
    )
    await connection.execute(
        f'ALTER TABLE {table.table} ATTACH PARTITION "{name}" '
        f"FOR VALUES FROM ('{begin.isoformat()}') TO ('{end.isoformat()}')"
    )
