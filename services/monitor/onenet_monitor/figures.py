"""Key figures that are levels: how many connections are in which state."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.telemetry import meter
from onenet_monitor import store

SECONDS = 5.0


class Figures:
    """Counts every few seconds and shows the last count as a metric."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[tuple[str, str], int] = {}
        self._counting = Background("count connections", self._count, interval=SECONDS)

    async def start(self) -> None:
        meter.create_observable_gauge(
            "onenet.connections", callbacks=[self._observe], description="Connections by state and ctype"
        )
        self._counting.start()

    async def stop(self) -> None:
        await self._counting.stop()

    async def _count(self) -> None:
        async with self._database.acquire() as connection:
            counts = await store.count_standings(connection)
        # A combination that emptied shows zero, not its last number for ever.
        self._counts = dict.fromkeys(self._counts, 0) | counts

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(count, {"state": state, "ctype": ctype})
            for (state, ctype), count in self._counts.items()
        ]
