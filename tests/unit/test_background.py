"""Loops survive errors of any kind and end when they are told to."""

from __future__ import annotations

import asyncio
import random

import pytest

from onenet_common.background import Background
from onenet_common.errors import Transient

LONG = 3600.0


async def test_an_error_does_not_end_the_work() -> None:
    errors = [ValueError("surprising"), Transient("expected")]
    done = asyncio.Event()

    async def work() -> None:
        if errors:
            raise errors.pop()
        done.set()

    background = Background("test", work, interval=LONG, longest_pause=0.01)
    background.start()
    await asyncio.wait_for(done.wait(), 5)
    await background.stop()


async def test_a_cancellation_that_nobody_asked_for_does_not_end_the_work() -> None:
    stray = asyncio.get_running_loop().create_future()
    stray.cancel()
    waits = [stray]
    again = asyncio.Event()

    async def work() -> None:
        if waits:
            await waits.pop()
        again.set()

    background = Background("test", work, interval=LONG, longest_pause=0.01)
    background.start()
    await asyncio.wait_for(again.wait(), 5)
    await background.stop()


class Patient(Background):
    """Waits for nothing, and remembers how long it would have."""

    pauses: list[float]

    async def rest(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            self.stopping.set()


async def test_an_error_after_a_time_without_any_is_the_first_of_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    times = [0.0, 0.0, 0.31]

    async def work() -> None:
        await asyncio.sleep(times[len(background.pauses)])
        raise Transient("expected")

    background = Patient("test", work, longest_pause=0.3)
    background.pauses = []
    background.start()
    await asyncio.wait_for(background.stopping.wait(), 5)
    await background.stop()
    assert background.pauses == [0.2, 0.3, 0.2]


async def test_stop_cuts_a_pause_short() -> None:
    worked = asyncio.Event()

    async def work() -> None:
        worked.set()

    background = Background("test", work, interval=LONG)
    background.start()
    await worked.wait()
    async with asyncio.timeout(5):
        await background.stop(grace=LONG)


async def test_stop_lets_the_work_end_by_itself_first() -> None:
    ended: list[str] = []

    async def work() -> None:
        started.set()
        await background.stopping.wait()
        await asyncio.sleep(0)
        ended.append("in order")

    started = asyncio.Event()
    background = Background("test", work)
    background.start()
    await started.wait()
    await background.stop(grace=5)
    assert ended == ["in order"]


async def test_stop_cancels_work_that_does_not_end_and_waits_for_its_cleaning_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    started = asyncio.Event()
    background = Background("test", work)
    background.start()
    await started.wait()
    await background.stop()
    assert cleaned == ["up"]


async def test_what_never_started_can_be_stopped() -> None:
    await Background("test", asyncio.Event().wait).stop()  # type: ignore[arg-type]  # never called
