"""Key figures that are levels: how many connections are in which state and health, and since when."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.states import Health
from onenet_common.telemetry import meter
from onenet_monitor import store, verdict_store
from onenet_monitor.standings import UNDER_WAY

SECONDS = 5.0


class Figures:
    """Counts every few seconds and shows the last count as metrics.

    Every replica shows the same figures: take their maximum, not their sum.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[tuple[str, str], int] = {}
        self._healths: dict[str, int] = {}
        self._ages: dict[str, float] = {}
        self._sample_ages: dict[str, float] = {}
        self._counting = Background("count connections", self._count, interval=SECONDS)

    async def start(self) -> None:
        meter.create_observable_gauge(
            "onenet.connections", callbacks=[self._states], description="Connections by state and ctype"
        )
        meter.create_observable_gauge(
            "onenet.connections.health", callbacks=[self._health], description="Connections by health"
        )
        meter.create_observable_gauge(
            "onenet.connections.oldest_under_way",
            callbacks=[self._under_way],
            unit="s",
            description="Since the oldest connection of a state was asked for",
        )
        meter.create_observable_gauge(
            "onenet.health.newest_sample_age",
            callbacks=[self._newest_samples],
            unit="s",
            description="Since the newest sample of a source was taken, on whatever connection",
        )
        self._counting.start()

    async def stop(self) -> None:
        await self._counting.stop()

    async def _count(self) -> None:
        async with self._database.acquire() as connection:
            counts = await store.count_standings(connection)
            healths = await verdict_store.count(connection)
            samples = await verdict_store.sample_ages(connection)
            ages = await store.oldest_under_way(connection)
        # What emptied shows zero, not its last number for ever.
        self._counts = dict.fromkeys(self._counts, 0) | counts
        self._healths = dict.fromkeys([health.value for health in Health], 0) | healths
        self._sample_ages = samples
        self._ages = dict.fromkeys([state.value for state in UNDER_WAY], 0.0) | ages

    def _states(self, _: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(count, {"state": state, "ctype": ctype})
            for (state, ctype), count in self._counts.items()
        ]

    def _health(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {"health": health}) for health, count in self._healths.items()]

    def _under_way(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(age, {"state": state}) for state, age in self._ages.items()]

    def _newest_samples(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(age, {"source": source}) for source, age in self._sample_ages.items()]
