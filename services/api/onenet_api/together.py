"""Doing for many at once what each asks for alone.

An idle worker begins at once. What arrives while all lanes are busy waits for one of them to end
and shares the next piece of work, so that nobody waits for company, and the busier it gets, the
less each one costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from onenet_common.errors import Transient

T = TypeVar("T")
R = TypeVar("R")

LANES = 1
"""Pieces of work under way. More of them make smaller pieces: measured with 24 callers, one lane takes
a tenth more requests a second than two or four."""
MOST = 100
"""Items in one piece of work."""


class Together(Generic[T, R]):
    """Gathers items of one kind.

    Args:
        work: does what all items ask for, or nothing at all; results in the order of the items.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def do(self, item: T) -> R:
        """The result for one item.

        Raises:
            whatever ``work`` raises for this item alone; Transient goes to all who shared.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._start()
        return await answer

    def _start(self) -> None:
        if self._waiting and len(self._running) < LANES:
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _run(self) -> None:
        taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if taken:
            await self._share([one for one in taken if not one[1].done()])

    async def _share(self, taken: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in taken])
        except Exception as error:
            if len(taken) > 1 and not isinstance(error, Transient):
                for one in taken:
                    await self._share([one])
                return
            for _, answer in taken:
                _fail(answer, error)
        else:
            for (_, answer), result in zip(taken, results, strict=True):
                _give(answer, result)


def _give(answer: asyncio.Future[R], result: R) -> None:
    if not answer.done():  # whoever asked may have gone
        answer.set_result(result)


def _fail(answer: asyncio.Future[R], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
