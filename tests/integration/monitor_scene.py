"""The monitor's schema with traffic in it, as its counting of flows would have written it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from onenet_common.database import Database
from onenet_monitor.flows.partitions import Partitioned, make
from onenet_monitor.main import MIGRATIONS
from tests import databases

UNITS = {"minute": "flow_minutes", "hour": "flow_hours", "day": "flow_days"}
PARTITIONED = (Partitioned("flow_minutes", 7), Partitioned("flow_hours", 90))
EMPTIED = (
    *UNITS.values(),
    *("dependencies", "edges", "findings", "path_terms", "network_names", "networks", "links", "link_ends"),
    *("outbox", "inbox"),
)
COLUMNS = ("kind", "connection", "source", "target", "observer", "protocol", "port", "reply", "accepted")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one network saw in one minute; ``reply`` when the source has the service's port."""

    at: datetime
    source: UUID | None
    target: UUID | None
    connection: UUID | None = None
    kind: str = "connection"
    observer: str = "source"
    port: int = 443
    reply: bool = False
    accepted: bool = True
    bytes: int = 1000
    packets: int = 1
    flows: int = 1
    protocol: int = 6

    def back(self, size: int) -> Traffic:
        """The answer, as the network that got it saw it."""
        return replace(
            self, source=self.target, target=self.source, reply=not self.reply, bytes=size, observer="target"
        )

    def seen_by(self, observer: str, size: int) -> Traffic:
        return replace(self, observer=observer, bytes=size)


class MonitorScene:
    """The schema ``monitor``, migrated, in the database of the API."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, schema="monitor", migrations=MIGRATIONS, size=4)

    async def start(self) -> None:
        await databases.start(self.database, MIGRATIONS)

    async def stop(self) -> None:
        await self.database.stop()

    async def clear(self) -> None:
        await self.run(databases.emptying(EMPTIED))

    async def run(self, statement: str, *arguments: Any) -> None:
        async with self.database.acquire() as connection:
            await connection.execute(statement, *arguments)

    async def count(self, *traffic: Traffic) -> None:
        """Add it to the sums of minutes, hours and days, and to the dependencies."""
        days = {(one.at + timedelta(days=offset)).date() for one in traffic for offset in (-1, 0)}
        for partitioned in PARTITIONED:
            await make(self.database, partitioned, days)
        for one in traffic:
            for unit, table in UNITS.items():
                await self._add(table, unit, one)
            if one.accepted:
                await self._depend(one)

    async def _add(self, table: str, unit: str, one: Traffic) -> None:
        since = one.at.replace(second=0, microsecond=0)
        if unit != "minute":
            since = since.replace(minute=0)
        if unit == "day":
            since = since.replace(hour=0)
        await self.run(
            f"INSERT INTO {table} AS old ({unit}, {', '.join(COLUMNS)}, bytes, packets, flows) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
            f"ON CONFLICT ({unit}, {', '.join(COLUMNS)}) DO UPDATE SET "
            "bytes = old.bytes + excluded.bytes, packets = old.packets + excluded.packets, "
            "flows = old.flows + excluded.flows",
            since,
            *(getattr(one, name) for name in COLUMNS),
            one.bytes,
            one.packets,
            one.flows,
        )

    async def _depend(self, one: Traffic) -> None:
        names = COLUMNS[:-1]
        columns = ", ".join((*names, "first_seen", "last_seen", "bytes", "packets", "flows"))
        await self.run(
            f"INSERT INTO dependencies AS old ({columns}) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12) "
            f"ON CONFLICT ({', '.join(names)}) DO UPDATE SET bytes = old.bytes + excluded.bytes, "
            "packets = old.packets + excluded.packets, flows = old.flows + excluded.flows, "
            "first_seen = least(old.first_seen, excluded.first_seen), "
            "last_seen = greatest(old.last_seen, excluded.last_seen)",
            *(getattr(one, name) for name in names),
            one.at,
            one.bytes,
            one.packets,
            one.flows,
        )
