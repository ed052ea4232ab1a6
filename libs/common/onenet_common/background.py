"""Work that goes on as long as the service runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from onenet_common.errors import OneNetError
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_crashes = meter.create_counter("onenet.background.crashes", description="Loops that ended by an error")


class Background:
    """Runs a coroutine function again and again until stopped.

    An error does not end it: it is logged, counted, and the function is called again after a
    pause that grows with each error in a row, up to ``longest_pause`` seconds; work that went on
    for longer than that begins a new row. A normal return is followed by the next call after
    ``interval`` seconds, give or take a tenth, so that many replicas do not march in step.
    ``stop`` cuts a pause short.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        interval: float = 0.0,
        longest_pause: float = 10.0,
    ) -> None:
        self.name = name
        self._work = work
        self._interval = interval
        self._longest_pause = longest_pause
        self._task: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()

    def start(self) -> None:
        # A series that begins with its first crash shows no increase.
        _crashes.add(0, {"name": self.name})
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self, grace: float = 0.0) -> None:
        """Let the work see ``stopping`` for ``grace`` seconds, then cancel it where it waits."""
        self.stopping.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=grace)
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        errors = 0
        while not self.stopping.is_set():
            began = clock()
            try:
                await self._work()
                errors = 0
                pause = self._interval * random.uniform(0.9, 1.1)
            except (Exception, asyncio.CancelledError) as error:
                if _asked_to_end(error):
                    raise
                errors = errors + 1 if clock() - began <= self._longest_pause else 1
                pause = min(self._longest_pause, 0.1 * 2 ** min(errors, 20))
                pause *= random.uniform(0.5, 1.0)
                _crashes.add(1, {"name": self.name})
                log.warning(
                    "background.crashed", work=self.name, error=repr(error), exc_info=_surprising(error)
                )
            await self.rest(pause)

    async def rest(self, seconds: float) -> None:
        """Pause, at the longest until the call to stop."""
        if seconds <= 0:
            return await asyncio.sleep(0)
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return None


def _asked_to_end(error: BaseException) -> bool:
    """A library may let the cancellation of a future of its own escape; that is an error like others."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _surprising(error: BaseException) -> bool:
    return not isinstance(error, OneNetError)
