"""Messages are handled once in effect and in order, and none is in the way of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord

from onenet_common import dead_letters
from onenet_common.database import Connection
from onenet_common.envelope import LARGEST_VALUE, Message
from onenet_common.errors import Permanent, Transient
from onenet_common.events import ConnectionEvaluated, HealthSampled
from onenet_common.producer import Outgoing, Producer
from tests.integration.bus_scene import Effects, Topic
from tests.integration.bus_scene import messages as messages_of
from tests.integration.waiting import eventually
from tests.samples import evaluated, wish


async def send(topic: Topic, producer: Producer, sent: Sequence[Message]) -> None:
    await producer.send([topic.outgoing(message) for message in sent])


def headers(record: ConsumerRecord) -> dict[str, bytes | None]:
    return dict(record.headers)


async def test_a_batch_is_handled_in_one_transaction_and_committed_afterwards(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    batches: list[int] = []

    async def handle(fresh: Sequence[Message], connection: Connection) -> None:
        batches.append(len(fresh))
        assert await topic.committed() == 0, "an offset was committed before its effects"
        await effects.write(fresh, connection)

    await send(topic, producer, messages_of("UP", "DOWN", "DEGRADED"))
    async with topic.consumed(effects.processor(topic, handle), producer):
        await effects.settled("UP", "DOWN", "DEGRADED")
        await eventually(topic.committed, lambda offset: offset == 3)
    assert batches == [3]


async def test_what_comes_twice_has_its_effect_once(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    [first, second] = messages_of("UP", "DOWN")
    await send(topic, producer, [first, first, second])
    async with topic.consumed(effects.processor(topic), producer):
        await effects.settled("UP", "DOWN")
        await send(topic, producer, [second, first, *messages_of("DEGRADED")])
        await effects.settled("UP", "DOWN", "DEGRADED")


async def test_a_process_that_died_before_it_committed_the_offset_leaves_nothing_to_do_twice(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    process = effects.processor(topic)
    deaths = [asyncio.CancelledError()]

    async def die_after_the_transaction(messages: Sequence[Message]) -> None:
        await process(messages)
        if deaths:
            raise deaths.pop()

    await send(topic, producer, messages_of("UP", "DOWN"))
    async with topic.consumed(die_after_the_transaction, producer):
        await eventually(topic.committed, lambda offset: offset == 2)
        await send(topic, producer, messages_of("DEGRADED"))
        await effects.settled("UP", "DOWN", "DEGRADED")


async def test_a_log_that_was_lost_is_read_from_its_start(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    # What a consumer that has read 1,000 records commits when a broker has come back without them.
    await topic.commit(1000)
    await send(topic, producer, messages_of("UP"))
    async with topic.consumed(effects.processor(topic), producer):
        await effects.settled("UP")
        await send(topic, producer, messages_of("DOWN"))
        await effects.settled("UP", "DOWN")


async def test_a_connection_lost_in_the_middle_of_a_transaction_leaves_no_half(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    losses = [True]

    async def handle(fresh: Sequence[Message], connection: Connection) -> None:
        await effects.write(fresh[:1], connection)
        if losses:
            losses.pop()
            assert await effects.end_backends() >= 1
        await effects.write(fresh[1:], connection)

    await send(topic, producer, messages_of("UP", "DOWN"))
    async with topic.consumed(effects.processor(topic, handle), producer):
        await effects.settled("UP", "DOWN")


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError("cannot be"), "ValueError"), (Permanent("no", code="refused"), "refused")]
)
async def test_a_poison_message_goes_alone_to_the_dead_letters(
    topic: Topic, producer: Producer, effects: Effects, error: Exception, code: str
) -> None:
    async def handle(fresh: Sequence[Message], connection: Connection) -> None:
        await effects.write(fresh, connection)
        if any(message.id == poison.id for message in fresh):
            raise error

    sent = messages_of("UP", "UP", "DEGRADED", "DOWN", "DOWN")
    poison = sent[2]
    await send(topic, producer, sent)
    async with topic.consumed(effects.processor(topic, handle), producer):
        await effects.settled("UP", "UP", "DOWN", "DOWN")
        await eventually(topic.committed, lambda offset: offset == 5)

    [dead] = await topic.records(1, dead=True)
    told = headers(dead)
    assert (dead.key, dead.value) == (poison.event.key.encode(), poison.value())
    assert told["ce_id"] == str(poison.id).encode()
    assert told["onenet_error_code"] == code.encode()
    assert told["onenet_error"] == str(error).encode()
    assert told["onenet_source"] == f"{topic.name}/0/2".encode()
    assert told["onenet_group"] == topic.group.encode()


async def test_foreign_bytes_go_to_the_dead_letters_and_the_rest_is_handled(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    good = topic.outgoing(*messages_of("UP"))
    foreign = [
        Outgoing(topic.name, None, b"\x00\xff", []),
        Outgoing(topic.name, b"k", None, [("ce_id", None), ("note", b"\xff")]),
        Outgoing(topic.name, b"k", b"{}", [(name, text) for name, text in good.headers if name != "ce_time"]),
        # Two, since Apache Kafka takes no record of more than 1 MiB.
        Outgoing(topic.name, b"k" * 30_000, b"x" * (LARGEST_VALUE + 1), good.headers),
        Outgoing(topic.name, b"k" * 30_000, b"{", [*good.headers, ("h", b"x" * 60_000)]),
    ]
    await producer.send([*foreign, good])
    async with topic.consumed(effects.processor(topic), producer):
        await effects.settled("UP")
        dead = await topic.records(5, dead=True)

    codes = [headers(record)["onenet_error_code"] for record in dead]
    assert codes == [b"not_a_cloudevent", b"wrong_header", b"wrong_schema", b"bad_size", b"wrong_schema"]
    assert (dead[0].key, dead[0].value, headers(dead[1])["note"]) == (None, b"\x00\xff", b"\xff")
    huge, wordy = headers(dead[3]), headers(dead[4])
    assert huge["onenet_truncated_from"] == str(LARGEST_VALUE + 1).encode()
    assert len(dead[3].value) == dead_letters.LARGEST_VALUE
    assert int(wordy["onenet_headers_from"] or 0) > len(wordy) - 6
    assert len(dead[4].key) == dead_letters.LARGEST_KEY


async def test_the_largest_event_is_handled(topic: Topic, producer: Producer, effects: Effects) -> None:
    [message] = messages_of("UP")
    value = message.value()
    padding = b" " * (LARGEST_VALUE - len(value))
    made = topic.outgoing(message)
    await producer.send([Outgoing(topic.name, made.key, value + padding, made.headers)])
    async with topic.consumed(effects.processor(topic), producer):
        await effects.settled("UP")


async def test_types_that_are_unknown_or_not_ours_are_passed_over(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    [last] = messages_of("UP")
    newer = topic.outgoing(*messages_of("DOWN"))
    unknown = [
        (name, b"onenet.health.dreamt.v1" if name == "ce_type" else text) for name, text in newer.headers
    ]
    others = topic.outgoing(evaluated(wish()))
    assert isinstance(evaluated(wish()).event, ConnectionEvaluated)
    await producer.send([Outgoing(topic.name, newer.key, b"?", unknown), others, topic.outgoing(last)])
    async with topic.consumed(effects.processor(topic), producer, frozenset({HealthSampled.type})):
        await effects.settled("UP")
        await eventually(topic.committed, lambda offset: offset == 3)
        await producer.send([Outgoing(f"{topic.name}.dead", b"end", b"", [])])
        assert [record.key for record in await topic.records(1, dead=True)] == [b"end"]


async def test_what_may_pass_pauses_the_partition_and_keeps_the_order(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    tries = []

    async def handle(fresh: Sequence[Message], connection: Connection) -> None:
        tries.append([message.id for message in fresh])
        if len(tries) == 1:
            await send(topic, producer, later)
        if len(tries) < 4:
            raise Transient("the database is away")
        await effects.write(fresh, connection)

    first, later = messages_of("UP", "DOWN"), messages_of("DEGRADED", "UP")
    await send(topic, producer, first)
    async with topic.consumed(effects.processor(topic, handle), producer):
        await effects.settled("UP", "DOWN", "DEGRADED", "UP")
    assert tries[:4] == [[message.id for message in first]] * 4


async def test_what_passes_while_poison_is_looked_for_starts_anew_and_handles_nobody_twice(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    outages = [Transient("away"), Transient("away again")]

    async def handle(fresh: Sequence[Message], connection: Connection) -> None:
        await effects.write(fresh, connection)
        if any(message.id == poison.id for message in fresh):
            if len(fresh) == 1 and outages:
                raise outages.pop()
            raise ValueError("poison")

    sent = messages_of("UP", "UP", "DEGRADED", "DOWN")
    poison = sent[2]
    await send(topic, producer, sent)
    async with topic.consumed(effects.processor(topic, handle), producer):
        await effects.settled("UP", "UP", "DOWN")
        assert len(await topic.records(1, dead=True)) == 1


async def test_stop_leaves_the_group_and_does_not_wait_for_a_database_that_is_away(
    topic: Topic, producer: Producer, effects: Effects
) -> None:
    failed = asyncio.Event()

    async def away(messages: Sequence[Message]) -> None:
        failed.set()
        raise Transient(f"away, {len(messages)} waiting")

    await send(topic, producer, messages_of("UP"))
    async with topic.consumed(away, producer) as consumer:
        await failed.wait()
        async with asyncio.timeout(4):
            await consumer.stop()
    assert await topic.committed() == 0
    async with topic.consumed(effects.processor(topic), producer):
        await effects.settled("UP")
