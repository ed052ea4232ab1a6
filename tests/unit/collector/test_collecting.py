"""What becomes of messages when files, broker or the service itself fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from onenet_common.errors import Transient
from onenet_monitor.collector import collecting
from onenet_monitor.collector.backlog import Backlog
from onenet_monitor.collector.collecting import TRIES, Collector
from onenet_monitor.collector.errors import CloudAway, Refused
from onenet_monitor.collector.notifications import Delivered
from onenet_monitor.collector.outcomes import Outcome
from onenet_monitor.collector.publishing import Interrupted
from onenet_monitor.collector.source import Depth, Letter
from tests.integration.waiting import eventually
from tests.measurements import Labels, measured

AGE = "onenet.collector.queue.age"
AWAY = Transient("Kafka is away", code="kafka_unavailable")
CLOUD_AWAY = CloudAway("S3 is away")
DENIED = Refused("may not be read", code=Outcome.ACCESS_DENIED)


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


class Queue:
    """One message that tells of files; what was done with it, in order."""

    def __init__(self, *keys: str, sent_at: datetime | None = None) -> None:
        records = [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "flows"}, "object": {"key": key}},
            }
            for key in keys
        ]
        self._letters = [Letter("1", json.dumps({"Records": records}), "receipt", sent_at)]
        self.done: list[str] = []
        self._looks = 0

    async def receive(self) -> Letter | None:
        """None the first time that nothing is left."""
        if self._looks > len(self._letters):
            await asyncio.Event().wait()
        self._looks += 1
        return self._letters[self._looks - 1] if self._looks <= len(self._letters) else None

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


async def test_how_long_a_message_waited_is_shown_until_a_look_finds_none() -> None:
    shown: list[float] = []

    async def publish(found: Delivered) -> Outcome:
        shown.extend(measured(AGE).values())
        return Outcome.READ

    measured(AGE)
    collector = Collector(Queue("1", sent_at=an_hour_ago()), publish, hidden=60, concurrency=1)
    await collector.start()

    async def now() -> list[float]:
        return list(measured(AGE).values()) if shown else []

    await eventually(now, lambda found: found == [0])
    await collector.stop()
    assert 3600 <= shown[0] < 3660


class Asked:
    """Answers or raises in turn how much it holds."""

    def __init__(self, *answers: Depth | Exception) -> None:
        self._answers = list(answers)

    async def depth(self) -> Depth:
        if not self._answers:
            await asyncio.Event().wait()
        if isinstance(answer := self._answers.pop(0), Exception):
            raise answer
        return answer


async def test_what_waits_is_shown_also_once_the_role_may_ask() -> None:
    async def shown() -> dict[Labels, float]:
        return measured("onenet.collector.queue.depth")

    await shown()
    queue = Asked(DENIED, DENIED, Depth(waiting=7, hidden=2))
    backlog = Backlog(queue, interval=0.001)
    with structlog.testing.capture_logs() as logged:
        await backlog.start()
        depth = await eventually(shown)
        await backlog.stop()
    assert depth == {frozenset({("state", "waiting")}): 7, frozenset({("state", "hidden")}): 2}
    assert [line["event"] for line in logged] == ["collector.depth_unknown"]
