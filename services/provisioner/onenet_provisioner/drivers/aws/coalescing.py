"""Merging concurrent reads into few calls.

An idle reader calls at once. A busy one calls no more often than AWS's bucket refills: requests
that arrive meanwhile, or while calls enough are in flight, share the next call. So a read never
answers from before it was asked: a change that a caller has made is in what it reads afterwards.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 2
"""Calls in flight."""

BURST = 5
"""Calls that an idle reader makes before it is held to the refill."""

REFILL = 20.0
"""Calls a second. Source: Amazon EC2 API throttling limits, refill of the non-mutating actions."""


@dataclass(slots=True)
class Bucket:
    """Tokens for calls; it begins full.

    Args:
        level: tokens that were there at ``at``, in seconds of the caller's clock.
    """

    level: float = BURST
    at: float = field(default=float("-inf"))

    def take(self, now: float) -> float:
        """Take a token; else nothing is taken, and the answer is the seconds until there is one."""
        self.level = min(BURST, self.level + (now - self.at) * REFILL)
        self.at = now
        if self.level < 1:
            return (1 - self.level) / REFILL
        self.level -= 1
        return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Request(Generic[T]):
    keys: frozenset[str]
    answer: asyncio.Future[T]
    context: contextvars.Context


class Coalescer(Generic[T]):
    """One kind of read of one account and region.

    Args:
        fetch: reads everything about the keys given; its answer goes to all who share the call.
        limit: the most keys that one call takes; a request has fewer.
    """

    def __init__(self, fetch: Callable[[frozenset[str]], Awaitable[T]], *, limit: int = 200) -> None:
        self._fetch = fetch
        self._limit = limit
        self._waiting: list[_Request[T]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._starting = False
        self._bucket = Bucket()

    async def read(self, keys: Iterable[str]) -> T:
        """Everything about the keys, and about those of whoever shares the call.

        Raises:
            whatever ``fetch`` raises, to all who share the call.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(frozenset(keys), answer, contextvars.copy_context()))
        self._start()
        return await answer

    def _start(self) -> None:
        """Begin a call on the loop's next turn, with all who have come until then."""
        if not self._waiting or self._starting or len(self._calls) >= AT_ONCE:
            return
        self._starting = True
        loop = asyncio.get_running_loop()
        if (pause := self._bucket.take(loop.time())) > 0:
            loop.call_later(pause, self._start_again)
            return
        call = asyncio.create_task(self._run(), context=self._waiting[0].context)
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def _start_again(self) -> None:
        self._starting = False
        self._start()

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.remove(call)
        self._start()

    async def _run(self) -> None:
        self._starting = False
        requests = self._take()
        self._start()
        keys = frozenset[str]().union(*(request.keys for request in requests))
        answers = [request.answer for request in requests]
        try:
            _give(answers, await self._fetch(keys))
        except asyncio.CancelledError:
            for answer in answers:
                answer.cancel()
            raise
        except Exception as error:
            _fail(answers, error)

    def _take(self) -> list[_Request[T]]:
        """As many waiting requests, oldest first, as one call may ask for."""
        keys: frozenset[str] = frozenset()
        taken = 0
        for request in self._waiting:
            if taken and len(keys | request.keys) > self._limit:
                break
            keys |= request.keys
            taken += 1
        requests, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return requests


def _give(answers: Iterable[asyncio.Future[T]], result: T) -> None:
    for answer in answers:
        if not answer.done():  # its reader may have given up
            answer.set_result(result)


def _fail(answers: Iterable[asyncio.Future[T]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
