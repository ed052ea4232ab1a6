"""Making each value once, however many ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Values by key. A failure goes to all who wait for it and is not kept."""

    def __init__(self) -> None:
        self._made: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """The value for ``key``, made by the first who asks; giving up does not stop the others."""
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(self._make(key, make))
        return await asyncio.shield(self._made[key])

    def forget(self, which: Callable[[K], bool]) -> None:
        for key in [key for key in self._made if which(key)]:
            del self._made[key]

    async def _make(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        try:
            return await make()
        except BaseException:
            if self._made.get(key) is asyncio.current_task():
                del self._made[key]
            raise
