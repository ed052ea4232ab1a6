"""Shared reads: few calls, and never an answer from before the question."""

from __future__ import annotations

import asyncio

import pytest

from onenet_provisioner.drivers.aws.coalescing import AT_ONCE, BURST, REFILL, Bucket, Coalescer


class Shelf:
    """Something to read that counts its calls; a call ends when ``gate`` opens."""

    def __init__(self) -> None:
        self.calls: list[frozenset[str]] = []
        self.version = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, keys: frozenset[str]) -> int:
        self.calls.append(keys)
        version = self.version
        await self.gate.wait()
        return version


async def started(task: asyncio.Task[int], shelf: Shelf, calls: int) -> None:
    while len(shelf.calls) < calls:
        assert not task.done()
        await asyncio.sleep(0)


async def test_readers_that_come_together_share_one_call() -> None:
    shelf = Shelf()
    reader = Coalescer(shelf.fetch)
    await asyncio.gather(*(reader.read({f"vpc-{number}"}) for number in range(50)))
    assert shelf.calls == [frozenset(f"vpc-{number}" for number in range(50))]


async def test_a_read_never_shares_a_call_that_was_on_its_way() -> None:
    shelf = Shelf()
    reader = Coalescer(shelf.fetch)
    shelf.gate.clear()
    early = []
    for number in range(AT_ONCE):
        early.append(asyncio.create_task(reader.read({f"{number}"})))
        await started(early[-1], shelf, number + 1)
    shelf.version = 1
    late = [asyncio.create_task(reader.read({key})) for key in "abc"]
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await asyncio.gather(*early) == [0] * AT_ONCE
    assert await asyncio.gather(*late) == [1, 1, 1]
    assert shelf.calls[AT_ONCE:] == [frozenset("abc")]


async def test_more_keys_than_a_call_takes_are_spread_over_several() -> None:
    shelf = Shelf()
    reader = Coalescer(shelf.fetch, limit=4)
    await asyncio.gather(*(reader.read({f"{number}", f"{number}'"}) for number in range(5)))
    assert [len(keys) for keys in shelf.calls] == [4, 4, 2]


async def test_a_failure_goes_to_all_who_shared_it_and_to_nobody_after() -> None:
    failing = True

    async def fetch(keys: frozenset[str]) -> int:
        if failing:
            raise ConnectionError("away")
        return len(keys)

    reader = Coalescer(fetch)
    outcomes = await asyncio.gather(*(reader.read({key}) for key in "abc"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    failing = False
    assert await reader.read({"a"}) == 1


async def test_a_reader_that_gives_up_does_not_take_the_others_with_it() -> None:
    shelf = Shelf()
    reader = Coalescer(shelf.fetch)
    shelf.gate.clear()
    impatient = asyncio.create_task(reader.read({"a"}))
    patient = asyncio.create_task(reader.read({"b"}))
    await started(patient, shelf, 1)
    impatient.cancel()
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await patient == 0
    with pytest.raises(asyncio.CancelledError):
        await impatient


def test_a_burst_is_free_and_the_rest_come_at_the_refill() -> None:
    bucket = Bucket()
    assert [bucket.take(100.0) for _ in range(BURST)] == [0.0] * BURST
    assert bucket.take(100.0) == pytest.approx(1 / REFILL)
    assert bucket.take(100.0 + 1.01 / REFILL) == 0.0
    assert 0 < bucket.take(100.0 + 1.5 / REFILL) < 0.6 / REFILL


def test_a_bucket_holds_no_more_than_a_burst_however_long_it_rests() -> None:
    bucket = Bucket()
    bucket.take(0.0)
    assert [bucket.take(1e6) for _ in range(BURST)] == [0.0] * BURST
    assert bucket.take(1e6) > 0


async def test_a_busy_reader_makes_others_share_what_it_may_still_call() -> None:
    shelf = Shelf()
    reader = Coalescer(shelf.fetch)
    for number in range(BURST):
        await reader.read({f"{number}"})
    await asyncio.gather(*(reader.read({key}) for key in "ab"), _after_some_turns(reader, "c"))
    assert shelf.calls[BURST:] == [frozenset("abc")]


async def _after_some_turns(reader: Coalescer[int], key: str) -> int:
    for _ in range(10):
        await asyncio.sleep(0)
    return await reader.read({key})
