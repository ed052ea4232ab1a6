"""The monitor's read model comes back from the topics, beside a monitor that runs; nobody is told twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from onenet_common import inbox
from onenet_common.bus import Consumer, in_transaction
from onenet_common.connection import Wish
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionHealthChanged,
    ConnectionRejected,
    Event,
    HealthSampled,
)
from onenet_common.producer import Producer
from onenet_common.replaying import Options
from onenet_monitor.handlers import handle
from onenet_monitor.replay import rebuilding
from onenet_monitor.tables import Table
from tests import samples as samples_of
from tests.integration.bus_scene import Topic
from tests.integration.publications import published
from tests.integration.waiting import eventually
from tests.samples import NOW, deletion_requested, evaluated, sampled, wish

_numbers = count(1)
_MODEL = (
    "SELECT 'standing', to_jsonb(s) - 'moved_at' FROM standings s UNION ALL SELECT 'verdict', "
    "jsonb_build_object('id', connection_id, 'generation', generation, 'health', health, 'since', since) "
    "FROM verdicts ORDER BY 1, 2"
)
"""What is held true; what a verdict follows from is heard again with the next samples."""


class Monitor:
    """A monitor's schema, its two topics, and what it does with both.

    Args:
        lives: the topic of the life of connections; its group is the monitor's.
    """

    def __init__(self, database: Database, producer: Producer, lives: Topic, health: Topic) -> None:
        self.database, self.producer, self.lives, self.health = database, producer, lives, health
        self.group = health.group = lives.group
        self.handle = in_transaction(database, self.group, handle)

    async def model(self) -> list[Any]:
        async with self.database.acquire() as connection:
            return [tuple(row) for row in await connection.fetch(_MODEL)]

    async def execute(self, *statements: str) -> None:
        async with self.database.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def empty(self) -> None:
        """As after the schema was dropped and made anew."""
        await self.execute("TRUNCATE standings, verdicts, inbox, outbox")

    async def replay(self, *, dry_run: bool = False) -> list[str]:
        rebuild = rebuilding(lambda: self.lives.settings, self.group, (self.lives.name, self.health.name))
        findings = await rebuild(self.database, Options(dry_run), lambda _: None)
        assert findings.left == []
        return findings.differences

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            topic = self.health if isinstance(message.event, HealthSampled) else self.lives
            await self.producer.send([topic.outgoing(message)])

    async def live(self, *parts: Sequence[Message]) -> None:
        """It has handled all of this and what it has published, a part at a time, and has committed."""
        for messages in parts:
            await self.send(messages)
            await self.handle(messages)
        changes = [Message.of(event) for event in await published(self.database, forget=True)]
        await self.send(changes)
        await self.handle(changes)
        for topic in (self.lives, self.health):
            await topic.commit()

    async def received(self) -> int:
        """How many samples it has handled."""
        return await self.health.committed()

    async def somebody_waits(self) -> bool:
        async with self.database.acquire() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        consumer = Consumer(
            self.lives.settings,
            group=self.group,
            topics=[self.lives.name, self.health.name],
            process=self.handle,
            producer=self.producer,
        )
        await consumer.start()
        yield
        await consumer.stop()


@pytest.fixture
async def monitor(
    postgres_url: str, producer: Producer, topic: Topic, answers: Topic
) -> AsyncIterator[Monitor]:
    database = Database(postgres_url, schema=f"replayed_{next(_numbers)}", metadata=Table.metadata, size=4)
    await database.start()
    yield Monitor(database, producer, topic, answers)
    await database.stop()


def of(kind: type[Event], one: Wish, generation: int = 1, **values: object) -> Message:
    return Message.of(kind.model_validate({"connection_id": one.id, "generation": generation, **values}))


def requested(one: Wish) -> Message:
    return replace(samples_of.requested(one), actor="lena")


def established(one: Wish, generation: int = 1) -> Message:
    return of(ConnectionEstablished, one, generation, ctype="AWS_PEERING", details={})


def failed(one: Wish, generation: int) -> Message:
    why = {"ctype": "AWS_PEERING", "code": "quota", "reason": "none left"}
    return of(ConnectionFailed, one, generation, **why)


def samples(one: Wish, *healths: str, generation: int = 1) -> list[Message]:
    return [
        sampled(one.id, health, NOW + timedelta(seconds=10 * generation + place), generation)
        for place, health in enumerate(healths)
    ]


def lives() -> list[list[Message]]:
    """Connections that came to every end that there is, and one that is under way; repeats, at last."""
    up, down, gone, under_way, again = (wish() for _ in range(5))
    begun = [message for one in (up, down, gone, again) for message in (requested(one), established(one))]
    return [
        [*begun, requested(under_way), evaluated(under_way)],
        [*samples(up, "UP", "DOWN", "UP", "DOWN"), *samples(down, "UP", "DOWN", "DOWN")],
        [*samples(gone, "DOWN"), *samples(again, "DOWN")],
        [deletion_requested(wish(2, id=gone.id)), of(ConnectionDeleted, gone, 2)],
        [requested(wish(2, id=again.id)), failed(again, 2), *samples(gone, "DOWN", generation=2)],
        [requested(wish(3, id=again.id)), established(again, 3), *samples(again, "UP", generation=3)],
        begun,
    ]


async def test_an_empty_model_is_rebuilt_and_nobody_is_told_again(monitor: Monitor) -> None:
    await monitor.live(*lives())
    before = await monitor.model()
    assert len(before) == 5 + 3
    await monitor.empty()
    assert len(await monitor.replay()) == len(before)
    assert await monitor.model() == before
    assert await monitor.replay() == []
    assert await published(monitor.database) == []


async def test_a_dry_run_tells_what_differs_and_changes_nothing(monitor: Monitor) -> None:
    await monitor.live(*lives())
    assert await monitor.replay(dry_run=True) == []
    await monitor.execute(
        "UPDATE standings SET state = 'FAILED' WHERE state = 'PROVISIONING'",
        "DELETE FROM verdicts WHERE health = 'DOWN'",
        "INSERT INTO verdicts SELECT connection_id, 1, 'UP', 'UP', 1, '[]', now(), now() "
        "FROM standings WHERE state = 'DELETED'",
    )
    broken = await monitor.model()
    told = " ".join(await monitor.replay(dry_run=True))
    assert all(words in told for words in ("stands at PROVISIONING", "health is DOWN", "has no health"))
    assert await monitor.model() == broken


async def test_a_projection_that_was_wrong_is_mended(monitor: Monitor) -> None:
    await monitor.live(*lives())
    before = await monitor.model()
    await monitor.execute(
        "UPDATE standings SET state = 'FAILED', generation = 7, stands = false",
        "UPDATE verdicts SET health = 'DEGRADED', sampled_at = now()",
    )
    await monitor.replay()
    assert await monitor.model() == before


async def test_what_waits_for_the_monitor_is_left_to_it(monitor: Monitor) -> None:
    one = wish()
    await monitor.live([requested(one), established(one), *samples(one, "UP")])
    await monitor.send(samples(one, "DOWN", "DOWN", generation=2))
    before = await monitor.model()
    await monitor.empty()
    await monitor.replay()
    assert await monitor.model() == before
    async with monitor.running():
        [change] = await eventually(lambda: published(monitor.database))
    assert isinstance(change, ConnectionHealthChanged)
    assert (change.previous, change.health) == ("UP", "DOWN")


async def test_what_is_handled_but_not_committed_counts(monitor: Monitor) -> None:
    first, *later = lives()
    await monitor.live(first)
    for messages in later:
        await monitor.send(messages)
        await monitor.handle(messages)
    before = await monitor.model()
    await monitor.execute("TRUNCATE standings, verdicts")
    await monitor.replay()
    assert await monitor.model() == before


async def test_a_batch_in_hand_is_waited_for_and_counts(monitor: Monitor) -> None:
    one = wish()
    await monitor.live([requested(one), established(one), *samples(one, "UP")])
    news = samples(one, "DOWN", "DOWN", generation=2)
    await monitor.send(news)
    async with monitor.database.transaction() as connection:
        await handle(await inbox.unseen(connection, monitor.group, news), connection)
        replaying = asyncio.create_task(monitor.replay())
        await eventually(monitor.somebody_waits)
    assert await replaying == []
    assert (await monitor.model())[1][1]["health"] == "DOWN"


async def test_what_is_handled_meanwhile_of_an_older_connection_is_not_undone(monitor: Monitor) -> None:
    old = wish()
    await monitor.handle([requested(old), established(old)])
    await monitor.live([requested(wish(2, id=old.id)), established(old, 2)])
    news = [deletion_requested(wish(3, id=old.id)), of(ConnectionDeleted, old, 3)]
    await monitor.send(news)
    async with monitor.database.transaction() as connection:
        await handle(await inbox.unseen(connection, monitor.group, news), connection)
        replaying = asyncio.create_task(monitor.replay())
        await eventually(monitor.somebody_waits)
    assert await replaying == []
    [(_, standing)] = await monitor.model()
    assert standing["state"] == "DELETED"


async def test_the_last_word_on_a_health_is_kept_longer_than_its_samples(monitor: Monitor) -> None:
    one = wish()
    await monitor.handle([requested(one), established(one)])
    await monitor.handle(samples(one, "UP", "DOWN", "DOWN"))
    [_, verdict] = await monitor.model()
    kept = [Message.of(event) for event in await published(monitor.database)]
    await monitor.empty()
    await monitor.live([requested(one), established(one), *kept])
    await monitor.replay()
    assert (await monitor.model())[1] == verdict


async def test_what_the_topic_has_lost_the_beginning_of_goes_on_from_what_is_stored(monitor: Monitor) -> None:
    old, changed = wish(), wish()
    await monitor.handle([requested(old), established(old), requested(changed), established(changed)])
    await monitor.handle(samples(old, "UP"))
    await monitor.execute("TRUNCATE outbox")
    await monitor.live(
        [requested(wish(2, id=changed.id)), of(ConnectionRejected, changed, 2, reasons=["overlap"])]
    )
    before = await monitor.model()
    assert await monitor.replay() == []
    await monitor.execute(
        f"UPDATE standings SET generation = 1 WHERE connection_id = '{changed.id}'", "TRUNCATE inbox"
    )
    await monitor.replay()
    assert await monitor.model() == before


async def test_a_monitor_that_works_meanwhile_loses_and_doubles_nothing(monitor: Monitor) -> None:
    one = wish()
    healths = ["UP", "UP", "UP", "DOWN", "DOWN"] * 32
    sent = [sampled(one.id, health, NOW + timedelta(minutes=place)) for place, health in enumerate(healths)]
    await monitor.live([requested(one), established(one)])
    async with monitor.running():
        for place in range(0, len(sent), 20):
            await monitor.send(sent[place : place + 20])
            await monitor.execute(
                "UPDATE verdicts SET since = 'epoch'", "UPDATE standings SET asked_at = 'epoch'"
            )
            await monitor.replay()
        await eventually(monitor.received, lambda count: count == len(sent))
    assert await monitor.replay(dry_run=True) == []
    changes = await published(monitor.database)
    told = [event.health for event in changes if isinstance(event, ConnectionHealthChanged)]
    assert told == ["UP", *["DOWN", "UP"] * 31, "DOWN"]
