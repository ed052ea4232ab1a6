"""How much waits in the queue, whether or not any of it is taken."""

from __future__ import annotations

import structlog

from onenet_common.background import Background
from onenet_common.telemetry import meter
from onenet_monitor.collector.errors import Refused
from onenet_monitor.collector.source import Counted

SECONDS = 15.0
"""Between two looks; SQS itself brings its numbers up to date within a minute."""

log = structlog.get_logger(__name__)
_depth = meter.create_gauge(
    "onenet.collector.queue.depth", description="About how many messages the queue holds, by state"
)


class Backlog:
    """Looks again and again.

    Args:
        interval: seconds between two looks.
    """

    def __init__(self, queue: Counted, *, interval: float = SECONDS) -> None:
        self._queue = queue
        self._refused = False
        self._looking = Background("look at the queue", self._look, interval=interval)

    async def start(self) -> None:
        self._looking.start()

    async def stop(self) -> None:
        await self._looking.stop()

    async def _look(self) -> None:
        """A role that may not ask reads files all the same; that is told once."""
        try:
            depth = await self._queue.depth()
        except Refused as error:
            if not self._refused:
                log.warning("collector.depth_unknown", error=error.reason)
            self._refused = True
            return
        self._refused = False
        _depth.set(depth.waiting, {"state": "waiting"})
        _depth.set(depth.hidden, {"state": "hidden"})
