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

    def forget(self, key: K, value: V) -> None:
        """Have the value made again, unless somebody has done so already."""
        made = self._made.get(key)
        if made is not None and made.done() and made.result() is value:
            del self._made[key]

    async def _make(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        try:
            return await make()
        except BaseException:
            self._made.pop(key, None)
            raise
