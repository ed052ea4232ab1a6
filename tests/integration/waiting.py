"""Waiting for what happens by itself, up to a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from onenet_common.errors import Transient

T = TypeVar("T")

DEADLINE = 60.0
PAUSE = 0.02


async def eventually(look: Callable[[], Awaitable[T]], enough: Callable[[T], object] = bool) -> T:
    """Look again and again until there is enough; fail with what was seen last.

    Args:
        look: may fail with Transient, and is repeated then.
        enough: whether what was seen will do.
    """
    seen: list[T] = []
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                with suppress(Transient):
                    seen.append(await look())
                    if enough(seen[-1]):
                        return seen[-1]
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise AssertionError(f"not enough after {DEADLINE:g} s, seen last: {seen[-1:]}") from None
