"""Looking again and again until there is something to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from onenet_local.demo.narration import StepFailed

PATIENCE = 20.0
"""Seconds after which a step that waits for something has failed."""

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str | Callable[[], str]) -> T:
    """What ``look`` finds, as soon as it finds something.

    Args:
        what: is waited for; asked when nothing was found.

    Raises:
        StepFailed: after ``PATIENCE``.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (found := await look()) is not None:
            return found
        await asyncio.sleep(0.1)
    raise StepFailed(f"waited {PATIENCE:.0f} s for {what if isinstance(what, str) else what()}")
