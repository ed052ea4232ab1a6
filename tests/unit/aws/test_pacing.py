"""The pace of calls, by a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest

from onenet_common.errors import Throttled
from onenet_provisioner.drivers.aws.pacing import FREE_AT, PATIENCE, SLOWEST, Kind, Pace


async def test_a_free_bucket_lets_everything_through_at_once() -> None:
    pace = Pace(Kind.MUTATE, sleep=_never)
    for _ in range(100):
        await pace.turn()
        pace.succeeded()


async def test_a_throttled_bucket_is_spaced_by_its_refill() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(Kind.MUTATE, clock=lambda: 100.0, sleep=sleep)
    pace.throttled()
    for _ in range(3):
        await pace.turn()
    assert waits == pytest.approx([0.2, 0.4])


async def test_a_call_that_would_wait_long_is_sent_away() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(Kind.MUTATE, clock=lambda: 100.0, sleep=sleep)
    pace.throttled()
    calls = 100
    outcomes = await asyncio.gather(*(pace.turn() for _ in range(calls)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {type(None), Throttled}
    assert max(waits) <= PATIENCE


def test_every_throttle_halves_the_rate_down_to_a_floor() -> None:
    pace = Pace(Kind.DESCRIBE)
    pace.throttled()
    pace.throttled()
    assert pace.rate == Kind.DESCRIBE.value / 2
    for _ in range(20):
        pace.throttled()
    assert pace.rate == Kind.DESCRIBE.value * SLOWEST


def test_success_makes_it_faster_until_it_is_free_again() -> None:
    pace = Pace(Kind.MUTATE)
    pace.throttled()
    rates = []
    while pace.rate is not None:
        rates.append(pace.rate)
        pace.succeeded()
    assert rates == sorted(rates)
    assert rates[-1] <= Kind.MUTATE.value * FREE_AT


async def _never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s")
