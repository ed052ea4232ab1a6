"""How late the event loop is: what blocks it delays every request and every batch."""

from __future__ import annotations

import asyncio

from onenet_common.background import Background
from onenet_common.durations import duration

SECONDS = 1.0

_delay = duration("onenet.event_loop.delay", "How much later than asked for the event loop woke a sleeper")


class EventLoop:
    """Sleeps a second at a time and records by how much it was longer."""

    def __init__(self) -> None:
        self._measuring = Background("measure event loop", self._measure)

    async def start(self) -> None:
        self._measuring.start()

    async def stop(self) -> None:
        await self._measuring.stop()

    async def _measure(self) -> None:
        clock = asyncio.get_running_loop().time
        asleep_at = clock()
        await asyncio.sleep(SECONDS)
        _delay.record(max(0.0, clock() - asleep_at - SECONDS))
