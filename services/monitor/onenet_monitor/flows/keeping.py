"""What goes on beside the counting: partitions ahead, sums of hours and days, an end to what is old."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_monitor.flows import partitions, rollup
from onenet_monitor.flows.partitions import Partitioned

log = structlog.get_logger(__name__)


class Keeping:
    """Makes, rolls up and drops; several replicas may.

    Args:
        minutes, hours: the partitioned tables and how long they are kept.
        interval: seconds between two rounds.
    """

    def __init__(
        self, database: Database, minutes: Partitioned, hours: Partitioned, *, interval: float = 60.0
    ) -> None:
        self._database = database
        self._minutes = minutes
        self._hours = hours
        self._keeping = Background("keep flow sums", self.keep, interval=interval)

    async def start(self) -> None:
        self._keeping.start()

    async def stop(self) -> None:
        await self._keeping.stop()

    async def keep(self) -> None:
        """Do all that is due now."""
        now = datetime.now(UTC)
        for table in (self._minutes, self._hours):
            await partitions.make(self._database, table, partitions.ahead(now))
        since = datetime.combine(self._minutes.oldest(now.date()), datetime.min.time(), UTC)
        while await rollup.roll_up(self._database, self._hours, since) == rollup.HOURS:
            pass
        # After the rolling up: what is dropped has its hours.
        for table in (self._minutes, self._hours):
            if dropped := await partitions.drop(self._database, table, now.date()):
                log.info("flows.dropped", table=table.table, partitions=dropped)
