"""Values that are made once."""

from __future__ import annotations

import asyncio

import pytest

from onenet_provisioner.drivers.aws.single_flight import SingleFlight


async def test_all_who_ask_together_get_what_was_made_once() -> None:
    made: list[object] = []

    async def make() -> object:
        await asyncio.sleep(0)
        made.append(object())
        return made[-1]

    flights: SingleFlight[str, object] = SingleFlight()
    got = await asyncio.gather(*(flights.get("a", make) for _ in range(10)))
    assert len(made) == 1
    assert all(one is made[0] for one in got)


async def test_a_forgotten_value_is_made_once_more_by_however_many_forget_it() -> None:
    async def make() -> object:
        return object()

    flights: SingleFlight[str, object] = SingleFlight()
    old = await flights.get("a", make)
    flights.forget("a", old)
    new = await flights.get("a", make)
    flights.forget("a", old)
    assert new is not old
    assert await flights.get("a", make) is new


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    attempts = 0

    async def make() -> int:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts == 1:
            raise ConnectionError("away")
        return attempts

    flights: SingleFlight[str, int] = SingleFlight()
    outcomes = await asyncio.gather(*(flights.get("a", make) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    assert await flights.get("a", make) == 2


async def test_one_who_gives_up_does_not_stop_the_making() -> None:
    gate = asyncio.Event()

    async def make() -> str:
        await gate.wait()
        return "made"

    flights: SingleFlight[str, str] = SingleFlight()
    impatient = asyncio.create_task(flights.get("a", make))
    patient = asyncio.create_task(flights.get("a", make))
    await asyncio.sleep(0)
    impatient.cancel()
    gate.set()
    assert await patient == "made"
    with pytest.raises(asyncio.CancelledError):
        await impatient
