"""What time alone changes is judged: a source fell silent, or a verdict may be replaced again."""

from __future__ import annotations

from datetime import UTC, datetime

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_monitor import judging

SECONDS = 10.0
GRACE = 60.0
"""Seconds after the start in which nobody is held to be silent: samples that waited for us on the topic
are read first."""
BATCH = 500


class Rejudging:
    """Judges every few seconds what is due; several replicas share the work.

    Args:
        grace: seconds until the first time.
    """

    def __init__(self, database: Database, *, interval: float = SECONDS, grace: float = GRACE) -> None:
        self._database = database
        self._grace = grace
        self._judging = Background("judge what is due", self._judge_all, interval=interval)

    async def start(self) -> None:
        self._judging.start()

    async def stop(self) -> None:
        await self._judging.stop()

    async def _judge_all(self) -> None:
        if self._grace:
            await self._judging.rest(self._grace)
            self._grace = 0.0
        if not self._judging.stopping.is_set():
            while await self.judge(datetime.now(UTC)) == BATCH:
                pass

    async def judge(self, now: datetime) -> int:
        """Judge one batch of what is due by then, in one transaction; how many there were."""
        async with self._database.transaction() as connection:
            return await judging.judge_due(connection, now, BATCH)
