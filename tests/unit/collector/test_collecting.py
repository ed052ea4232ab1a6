"""What becomes of messages when files, broker or the service itself fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from onenet_common.errors import Transient
from onenet_monitor.collector import collecting
from onenet_monitor.collector.collecting import TRIES, Collector
from onenet_monitor.collector.errors import CloudAway, Refused
from onenet_monitor.collector.notifications import Delivered
from onenet_monitor.collector.outcomes import Outcome
from onenet_monitor.collector.publishing import Interrupted
from onenet_monitor.collector.source import Letter

AWAY = Transient("Kafka is away", code="kafka_unavailable")
CLOUD_AWAY = CloudAway("S3 is away")
DENIED = Refused("may not be read", code=Outcome.ACCESS_DENIED)


class Queue:
    """One message that tells of files; what was done with it, in order."""

    def __init__(self, *keys: str) -> None:
        records = [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "flows"}, "object": {"key": key}},
            }
            for key in keys
        ]
        self._letters = [Letter("1", json.dumps({"Records": records}), "receipt")]
        self.done: list[str] = []

    async def receive(self) -> Letter | None:
        if not self._letters:
            await asyncio.Event().wait()
        return self._letters.pop()

    async def hide(self, letter: Letter) -> None:
        self.done.append("hide")

    async def release(self, letter: Letter) -> None:
        self.done.append("release")

    async def delete(self, letter: Letter) -> None:
        self.done.append("delete")


class Publishing:
    """Answers or raises in turn, then says that it is over."""

    def __init__(self, results: Sequence[Outcome | Exception]) -> None:
        self.keys: list[str] = []
        self.over = asyncio.Event()
        self._results = list(results)

    async def publish(self, found: Delivered) -> Outcome:
        self.keys.append(found.key)
        result = self._results.pop(0)
        if not self._results:
            self.over.set()
        if isinstance(result, Outcome):
            return result
        raise result


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LONGEST_PAUSE", 0.001)


@asynccontextmanager
async def collecting_from(queue: Queue, publishing: Publishing) -> AsyncIterator[None]:
    collector = Collector(queue, publishing.publish, hidden=60, concurrency=1)
    await collector.start()
    try:
        async with asyncio.timeout(10):
            await publishing.over.wait()
        yield
    finally:
        await collector.stop()


async def done_after(*results: Outcome | Exception, keys: Sequence[str] = ("1",)) -> list[str]:
    queue = Queue(*keys)
    async with collecting_from(queue, Publishing(results)):
        pass
    return queue.done


async def test_a_broker_that_is_away_for_long_costs_no_try_of_the_queue() -> None:
    assert await done_after(*[AWAY] * (3 * TRIES), Outcome.READ) == ["delete"]


async def test_a_bucket_that_does_not_answer_leaves_the_message_to_the_queue() -> None:
    assert await done_after(*[CLOUD_AWAY] * TRIES) == []
    assert await done_after(*[CLOUD_AWAY] * (TRIES - 1), Outcome.READ) == ["delete"]


async def test_a_message_is_deleted_when_all_of_its_files_are_done_with() -> None:
    keys = ("1", "2")
    assert await done_after(Outcome.READ, Outcome.TRUNCATED, keys=keys) == ["delete"]
    assert await done_after(DENIED, Outcome.READ, keys=keys) == []


async def test_one_file_that_is_refused_keeps_no_other_from_being_read() -> None:
    publishing = Publishing([DENIED, Outcome.READ])
    async with collecting_from(Queue("1", "2"), publishing):
        pass
    assert publishing.keys == ["1", "2"]


async def test_work_that_is_broken_off_goes_back_to_the_queue() -> None:
    assert await done_after(Interrupted()) == ["release"]


async def test_who_waits_for_a_broker_gives_its_message_back_when_the_service_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "FIRST_PAUSE", 600)
    monkeypatch.setattr(collecting, "LONGEST_PAUSE", 600)
    assert await done_after(AWAY, keys=("1", "2")) == ["release"]
