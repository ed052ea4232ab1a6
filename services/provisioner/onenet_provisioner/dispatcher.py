"""Takes what is due under leases and works on many at once; for links and for providers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from onenet_common.background import Background
from onenet_common.errors import OneNetError
from onenet_common.telemetry import meter

_working = meter.create_up_down_counter("onenet.work.running", description="Items in hand, by kind")

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Claims(Protocol[T]):
    """Where due items come from."""

    async def claim(self, most: int) -> list[T]: ...

    async def renew(self, held: Sequence[T]) -> None: ...

    async def release(self, item: T) -> None: ...


class Dispatcher(Generic[T]):
    """Claims due items whenever a slot is free.

    Args:
        kind: what the items are, for metrics.
        work: takes one item to its end and saves it; it translates its own errors.
        concurrency: most items in hand.
        poll: seconds between looks when nobody wakes it.
        heartbeat: seconds between renewals of the leases in hand.
        grace: seconds for what is in hand when stopping.
    """

    def __init__(
        self,
        kind: str,
        claims: Claims[T],
        work: Callable[[T], Awaitable[None]],
        *,
        concurrency: int,
        poll: float = 1.0,
        heartbeat: float = 4.0,
        grace: float = 3.0,
    ) -> None:
        self._kind = kind
        self._claims = claims
        self._work = work
        self._concurrency = concurrency
        self._poll = poll
        self._grace = grace
        self._awake = asyncio.Event()
        self._running: dict[asyncio.Task[None], T] = {}
        self._dispatching = Background(f"dispatch {kind}", self._dispatch)
        self._renewing = Background(f"renew {kind}", self._renew, interval=heartbeat)

    async def start(self) -> None:
        self._dispatching.start()
        self._renewing.start()

    async def stop(self) -> None:
        """Finish what is in hand within some seconds; release the rest."""
        # A claim that is under way must come back, or its items wait until their lease ends.
        self.wake()
        await self._dispatching.stop(grace=2)
        if self._running:
            await asyncio.wait(list(self._running), timeout=self._grace)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(list(self._running), timeout=1)
        await self._renewing.stop()

    def wake(self) -> None:
        """Look now."""
        self._awake.set()

    def wake_after(self, seconds: float) -> None:
        """Look again in a while, such as when a provider asked for time.

        The end of a long while is found by polling: thousands of links under watch need no timers.
        """
        if seconds < 10 * self._poll:
            asyncio.get_running_loop().call_later(seconds, self._awake.set)

    async def _dispatch(self) -> None:
        self._awake.clear()
        free = self._concurrency - len(self._running)
        claimed = await self._claims.claim(free) if free > 0 else []
        for item in claimed:
            task = asyncio.create_task(self._run(item))
            self._running[task] = item
            task.add_done_callback(self._done)
        if len(claimed) == free and free > 0:
            return
        try:
            await asyncio.wait_for(self._awake.wait(), self._poll)
        except TimeoutError:
            return

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task)
        self._awake.set()

    async def _run(self, item: T) -> None:
        _working.add(1, {"kind": self._kind})
        try:
            await self._work(item)
        except asyncio.CancelledError:
            await self._claims.release(item)
            raise
        except OneNetError as error:
            # The result could not be saved: the lease runs out, and the work is done again.
            log.warning("dispatch.lost", kind=self._kind, code=error.code, reason=error.reason)
        except Exception:
            log.exception("dispatch.lost", kind=self._kind)
        finally:
            _working.add(-1, {"kind": self._kind})

    async def _renew(self) -> None:
        if self._running:
            await self._claims.renew(list(self._running.values()))
