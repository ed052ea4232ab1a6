"""Slowing down when AWS asks for it.

AWS gives each account, region and class of calls a token bucket. OneNet does not guess its
level: calls run freely until AWS throttles one, then at the bucket's documented refill rate,
halved by every further throttle and raised again by every success, until they run freely.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum

from onenet_common.errors import Throttled


class Kind(Enum):
    """Classes of EC2 calls; the value is AWS's default refill, in calls a second.

    Source: Amazon EC2 API throttling limits, request token bucket sizes and refill rates.
    """

    DESCRIBE = 20.0
    MUTATE = 5.0


SLOWEST = 0.05
"""The share of the refill rate below which a throttled bucket does not go."""

RECOVERY = 1.2
"""How much faster every successful call makes a slowed bucket."""

FREE_AT = 4.0
"""The multiple of the refill rate at which a bucket counts as free again."""

PATIENCE = 5.0
"""Seconds that a call waits for its turn; past that its worker has better things to do."""


class Pace:
    """The spacing of one bucket's calls.

    Args:
        kind: which refill rate to fall back to.
        clock: seconds, monotonic.
        sleep: waits for so many seconds of that clock.
    """

    def __init__(
        self,
        kind: Kind,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._refill = kind.value
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self.rate: float | None = None

    async def turn(self) -> None:
        """Wait for this call's turn; at once while the bucket is free.

        Raises:
            Throttled: so many calls wait already that this one had better come back.
        """
        if self.rate is None:
            return
        now = self._clock()
        turn = max(self._next, now)
        if turn - now > PATIENCE:
            raise Throttled(f"AWS asked to slow down; {turn - now:.0f} s of calls are waiting")
        self._next = turn + 1 / self.rate
        if turn > now:
            await self._sleep(turn - now)

    def throttled(self) -> None:
        slower = self._refill if self.rate is None else self.rate / 2
        self.rate = max(slower, self._refill * SLOWEST)

    def succeeded(self) -> None:
        if self.rate is None:
            return
        self.rate *= RECOVERY
        if self.rate > self._refill * FREE_AT:
            self.rate = None
