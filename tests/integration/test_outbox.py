"""What a transaction wrote into the outbox is published in order, by one relay, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from onenet_common import backlog, outbox
from onenet_common.database import Connection, Database
from onenet_common.envelope import LARGEST_VALUE, Message
from onenet_common.errors import Malformed, Transient
from onenet_common.events import ConnectionRejected
from onenet_common.housekeeping import Housekeeping
from onenet_common.producer import Outgoing, Producer
from onenet_common.relay import BATCH, Relay
from onenet_common.settings import Settings
from tests.integration.bus_scene import Effects, Topic, messages
from tests.integration.waiting import eventually
from tests.measurements import measured


class Collecting(Producer):
    """A producer that keeps what it is given, and may lose the database or the broker meanwhile."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.healths: list[str] = []
        self.after_sending: asyncio.Queue[Effects] = asyncio.Queue()
        self.broker_is_away = False
        self.sleeper: asyncio.Event | None = None

    async def send(self, records: Sequence[Outgoing]) -> None:
        if self.sleeper is not None:
            await self.sleeper.wait()
        if self.broker_is_away:
            raise Transient("the broker is away")
        self.healths += [str(record.value).split('"reasons":["')[1].split('"')[0] for record in records]
        if not self.after_sending.empty():
            await self.after_sending.get_nowait().end_backends()


@pytest.fixture
def collected(settings: Settings) -> Collecting:
    return Collecting(settings)


async def write(database: Database, *healths: str) -> list[str]:
    """Commit events in one transaction; the reasons by which the samples are told apart."""
    async with database.transaction() as connection:
        await outbox.publish(connection, messages(*healths))
    return [f"it is {health}" for health in healths]


async def left(effects: Effects) -> int:
    async with effects.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))


@asynccontextmanager
async def relaying(
    database: Database, producer: Producer, *, poll: float = 0.05, silence: float = 20
) -> AsyncIterator[Relay]:
    relay = Relay(database, producer, poll=poll, silence=silence)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


async def collecting(producer: Collecting, count: int) -> list[str]:
    async def look() -> list[str]:
        return producer.healths

    return await eventually(look, lambda healths: len(healths) >= count)


async def test_events_reach_kafka_as_they_were_written(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    sent = messages("UP", "DOWN", "DEGRADED")
    async with effects.transaction() as connection:
        await outbox.publish(connection, sent)
        await connection.execute("UPDATE outbox SET topic = $1", topic.name)
    async with relaying(effects, producer):
        records = await topic.records(3)
        await eventually(lambda: left(effects), lambda rows: rows == 0)
    assert [record.value for record in records] == [message.value() for message in sent]
    assert [dict(record.headers)["ce_id"].decode() for record in records] == [str(one.id) for one in sent]
    assert {record.key for record in records} == {sent[0].event.key.encode()}


async def test_what_was_written_while_no_relay_ran_is_published_in_order(
    effects: Effects, collected: Collecting
) -> None:
    written = await write(effects, *["UP", "DOWN"] * (BATCH // 2 + 10))
    written += await write(effects, "DEGRADED")
    async with relaying(effects, collected):
        assert await collecting(collected, len(written)) == written


async def test_a_commit_wakes_the_relay(effects: Effects, collected: Collecting) -> None:
    async with relaying(effects, collected, poll=3600):
        written = await write(effects, "UP")
        assert await collecting(collected, 1) == written
        written += await write(effects, "DOWN")
        assert await collecting(collected, 2) == written


async def test_what_is_rolled_back_is_never_published(effects: Effects, collected: Collecting) -> None:
    async def fail() -> None:
        async with effects.transaction() as connection:
            await outbox.publish(connection, messages("DOWN"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    written = await write(effects, "UP")
    async with relaying(effects, collected):
        assert await collecting(collected, 1) == written


async def test_stopping_publishes_what_is_there(effects: Effects, collected: Collecting) -> None:
    async with relaying(effects, collected, poll=3600):
        written = await write(effects, "UP")
        await collecting(collected, 1)
        # Not announced, as if the notification came too late.
        async with effects.transaction() as connection:
            await connection.execute("ALTER TABLE outbox DISABLE TRIGGER ALL")
        written += await write(effects, "DOWN")
    assert collected.healths == written


async def test_one_relay_leads_and_the_other_takes_over(effects: Effects, collected: Collecting) -> None:
    async def leaders() -> list[Relay]:
        return [relay for relay in (first, second) if relay.leading]

    async with relaying(effects, collected) as first, relaying(effects, collected) as second:
        [leader] = await eventually(leaders)
        await write(effects, "UP")
        await collecting(collected, 1)
        assert await leaders() == [leader]
        await leader.stop()
        standby = second if leader is first else first
        assert await eventually(leaders) == [standby]
        await write(effects, "DOWN")
        assert await collecting(collected, 2) == ["it is UP", "it is DOWN"]


async def test_a_leader_whose_connection_is_cut_leads_again_or_is_replaced(
    effects: Effects, collected: Collecting
) -> None:
    async with relaying(effects, collected), relaying(effects, collected):
        await write(effects, "UP")
        await eventually(lambda: left(effects), lambda rows: rows == 0)
        assert await effects.end_backends() >= 1
        await write(effects, "DOWN")
        assert await collecting(collected, 2) == ["it is UP", "it is DOWN"]


async def test_a_leader_that_falls_silent_is_replaced(
    effects: Effects, collected: Collecting, settings: Settings
) -> None:
    asleep = Collecting(settings)
    asleep.sleeper = asyncio.Event()
    async with relaying(effects, asleep, silence=0.5) as silent:

        async def leading() -> bool:
            return silent.leading

        await eventually(leading)
        written = await write(effects, "UP")
        async with relaying(effects, collected):
            assert await collecting(collected, 1) == written
        asleep.sleeper.set()


async def test_a_crash_between_sending_and_deleting_sends_twice(
    effects: Effects, collected: Collecting
) -> None:
    await write(effects, "UP", "DOWN")
    collected.after_sending.put_nowait(effects)
    async with relaying(effects, collected):
        await eventually(lambda: left(effects), lambda rows: rows == 0)
    assert collected.healths == ["it is UP", "it is DOWN"] * 2


async def test_what_was_sent_twice_has_its_effect_once(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    for message in (sent := messages("UP", "DOWN")) * 2:
        await producer.send([topic.outgoing(message)])
    async with topic.consumed(effects.processor(topic), producer):
        await producer.send([topic.outgoing(*messages("DEGRADED"))])
        await effects.settled("UP", "DOWN", "DEGRADED")
    assert len(sent) == 2


async def test_nothing_is_lost_while_the_broker_is_away(effects: Effects, collected: Collecting) -> None:
    collected.broker_is_away = True
    async with relaying(effects, collected):
        written = await write(effects, "UP", "DOWN")
        assert await left(effects) == 2
        collected.broker_is_away = False
        assert await collecting(collected, 2) == written


async def test_an_event_that_is_too_large_is_refused_by_its_writer_and_blocks_nobody(
    effects: Effects, collected: Collecting
) -> None:
    reasons = ("x" * LARGEST_VALUE,)
    huge = Message.of(ConnectionRejected(connection_id=uuid4(), generation=1, reasons=reasons))
    async with effects.transaction() as connection:
        with pytest.raises(Malformed, match="too large"):
            await outbox.publish(connection, [*messages("UP"), huge])
    assert await left(effects) == 0


async def test_the_inbox_is_kept_as_long_as_a_replay_may_come_and_no_longer(effects: Effects) -> None:
    async def remember(connection: Connection, age: str) -> None:
        await connection.execute(
            f"INSERT INTO inbox (event_id, consumer, received_at) VALUES ($1, 'c', now() - interval '{age}')",
            uuid4(),
        )

    async def remembered() -> int:
        async with effects.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM inbox"))

    async with effects.acquire() as connection:
        for age in ("0 days", "20 days", "22 days", "99 days"):
            await remember(connection, age)
    housekeeping = Housekeeping(effects)
    await housekeeping.start()
    await eventually(remembered, lambda rows: rows <= 2)
    await housekeeping.stop()
    assert await remembered() == 2


def level(metric: str, database: Database) -> float | None:
    return measured(metric).get(frozenset({("schema", database.schema)}))


async def test_what_waits_is_counted_up_to_a_bound(effects: Effects, monkeypatch: pytest.MonkeyPatch) -> None:
    measured("onenet.outbox.depth")
    monkeypatch.setattr(backlog, "COUNTED", 2)
    await write(effects, "UP", "DOWN", "UP")
    looking = backlog.Backlog(effects, interval=0.05)
    await looking.start()

    async def depth() -> float | None:
        return level("onenet.outbox.depth", effects)

    try:
        assert await eventually(depth) == 2
        assert (level("onenet.outbox.oldest_age", effects) or 0) > 0
        assert level("onenet.database.up", effects) == 1
        async with effects.transaction() as connection:
            await connection.execute("DELETE FROM outbox")
        await eventually(depth, lambda seen: seen == 0)
    finally:
        await looking.stop()
    assert level("onenet.outbox.oldest_age", effects) == 0


async def test_the_relay_shows_whether_it_leads(effects: Effects, collected: Collecting) -> None:
    measured("onenet.relay.leading")

    async def leading() -> float | None:
        return level("onenet.relay.leading", effects)

    async with relaying(effects, collected):
        await eventually(leading, lambda seen: seen == 1)
    assert await leading() == 0
