"""Every minute, what the traffic of connections says of their health becomes a sample like others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from onenet_common.background import Background
from onenet_common.connection import Sample
from onenet_common.database import Connection, Database
from onenet_monitor import judging, verdict_store
from onenet_monitor.silence import (
    LOOK_BACK,
    MINUTE,
    STOPPED,
    complete_until,
    last_carried,
    sampled,
    silence,
)

Series = Mapping[datetime, int]
"""Flows by minute, each named by its beginning."""

BATCH = 200


class Traffic(Protocol):
    """Traffic by the minute, as flow logs tell it."""

    async def carried(
        self, connection: Connection, ids: Sequence[UUID], since: datetime
    ) -> Mapping[UUID, Series]:
        """What these connections carried; those that carried nothing may be left out."""
        ...

    async def others(
        self, connection: Connection, connection_id: UUID, since: datetime, until: datetime
    ) -> Collection[datetime]:
        """Minutes in which other traffic was seen in the networks where this connection's had been."""
        ...


class FlowMinutes:
    """Traffic from the table ``flow_minutes``."""

    async def carried(
        self, connection: Connection, ids: Sequence[UUID], since: datetime
    ) -> Mapping[UUID, Series]:
        rows = await connection.fetch(
            "SELECT connection, minute, sum(flows)::bigint AS flows FROM flow_minutes "
            "WHERE connection = ANY($1) AND minute >= $2 AND accepted GROUP BY connection, minute",
            ids,
            since,
        )
        found: dict[UUID, dict[datetime, int]] = {}
        for row in rows:
            found.setdefault(row["connection"], {})[row["minute"]] = row["flows"]
        return found

    async def others(
        self, connection: Connection, connection_id: UUID, since: datetime, until: datetime
    ) -> Collection[datetime]:
        rows = await connection.fetch(_OTHERS, connection_id, since - LOOK_BACK, since, until)
        return {row["minute"] for row in rows}


_OTHERS = """
WITH observed AS (
    SELECT DISTINCT CASE observer WHEN 'source' THEN source ELSE target END AS network
    FROM flow_minutes WHERE connection = $1 AND minute >= $2
)
SELECT DISTINCT minute FROM flow_minutes
WHERE minute >= $3 AND minute < $4 AND connection IS DISTINCT FROM $1
    AND CASE observer WHEN 'source' THEN source ELSE target END IN (SELECT network FROM observed)
"""


class Listening:
    """Samples the traffic of every connection that has a verdict.

    A sample is of the minute in which it was taken: of several replicas' the first one counts.
    """

    def __init__(
        self, database: Database, traffic: Traffic, *, interval: float = MINUTE.total_seconds()
    ) -> None:
        self._database = database
        self._traffic = traffic
        self._listening = Background("listen to traffic", self._listen, interval=interval)

    async def start(self) -> None:
        self._listening.start()

    async def stop(self) -> None:
        await self._listening.stop()

    async def _listen(self) -> None:
        await self.listen(datetime.now(UTC))

    async def listen(self, now: datetime) -> None:
        """Sample all connections once, so many in one transaction."""
        async with self._database.acquire() as connection:
            ids = await verdict_store.judged(connection)
        for first in range(0, len(ids), BATCH):
            await self._sample(ids[first : first + BATCH], now)

    async def _sample(self, ids: Sequence[UUID], now: datetime) -> None:
        async with self._database.acquire() as connection:
            carried = await self._traffic.carried(connection, ids, now - LOOK_BACK)
            samples = {
                one: sample
                for one, series in carried.items()
                if (sample := await self._heard(connection, one, series, now)) is not None
            }
        if samples:
            async with self._database.transaction() as connection:
                await judging.judge_own(connection, samples)

    async def _heard(
        self, connection: Connection, connection_id: UUID, series: Series, now: datetime
    ) -> Sample | None:
        last, settled = last_carried(series), complete_until(now)
        others: Collection[datetime] = ()
        if last is not None and settled - last > MINUTE * STOPPED:
            others = await self._traffic.others(connection, connection_id, last, settled)
        found = silence(series, others, now)
        return sampled(found, now.replace(second=0, microsecond=0)) if found is not None else None
