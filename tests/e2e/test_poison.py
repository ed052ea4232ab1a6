"""What does not belong on a topic goes to its dead letters or is passed over, as the common library's
README has it, by every consumer; and the next good message is handled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from onenet_common import events
from onenet_common.connection import Sample
from onenet_common.dead_letters import topic_of
from onenet_common.envelope import Message
from onenet_common.events import HealthSampled
from onenet_local.stack import Stack
from tests.e2e.estate import PATIENCE, estate, until

GROUPS = {
    events.CONNECTIONS: {
        "onenet-api",
        "onenet-evaluator",
        "onenet-provisioner",
        "onenet-monitor",
        "onenet-monitor-inventory",
    },
    events.INVENTORY: {
        "onenet-api-inventory",
        "onenet-provisioner",
        "onenet-monitor-inventory",
    },
    events.HEALTH: {"onenet-monitor"},
}
TIMES_TAKEN = r"^onenet_connections_time_to_establish_seconds_count(?:\{.*\})? (\S+)"
Headers = list[tuple[str, bytes]]
Letters = dict[tuple[str, str, int], str]
"""The code of every dead letter by its key, who could not process it, and the partition it lay in."""


def stranger() -> Message:
    """A sound event of a connection that nobody knows."""
    sample = Sample(source="control-plane", health="UP", at=datetime.now(UTC))
    return Message.of(HealthSampled(connection_id=uuid4(), generation=1, sample=sample))


def headers(**changes: str | bytes | None) -> Headers:
    """Those of an event, some changed, some left out with None."""
    given: dict[str, str | bytes | None] = {**stranger().headers(), "ce_id": str(uuid4()), **changes}
    return [(n, v.encode() if isinstance(v, str) else v) for n, v in given.items() if v is not None]


REFUSED: dict[str, tuple[bytes | None, Headers, str]] = {
    "not a cloudevent": (b"hello", [], "not_a_cloudevent"),
    "another specversion": (b"{}", headers(ce_specversion="2.0"), "not_a_cloudevent"),
    "no type": (b"{}", headers(ce_type=None), "not_a_cloudevent"),
    "not json": (b"\x00\xff{", headers(), "wrong_schema"),
    "wrong schema": (b'{"connection_id": 5}', headers(), "wrong_schema"),
    "deep nesting": (b"[" * 100_000, headers(), "wrong_schema"),
    "an id that is none": (stranger().value(), headers(ce_id="x"), "wrong_header"),
    "a time that is none": (stranger().value(), headers(ce_time="yesterday"), "wrong_header"),
    "a forged source": (b"{}", headers(ce_source="mallory"), "wrong_source"),
    "no utf-8": (b"{}", headers(ce_type=b"\xff"), "wrong_header"),
    "a tombstone": (None, headers(), "bad_size"),
    "a megabyte": (b"x" * 1_000_001, headers(), "bad_size"),
}
PASSED_OVER: dict[str, tuple[bytes | None, Headers]] = {
    "an unknown type": (b"{}", headers(ce_type="onenet.connection.teleported.v1")),
    "a future version": (b"{}", headers(ce_type="onenet.health.sampled.v9")),
    "a connection that nobody knows": (stranger().value(), headers()),
    "long ago": (stranger().value(), headers(ce_time="1970-01-01T00:00:00Z")),
    "far ahead": (stranger().value(), headers(ce_time="9999-12-31T23:59:59Z")),
    "thousands of headers": (stranger().value(), headers() + [(f"x-{n}", b"x") for n in range(5000)]),
}
SENT = {name: (value, given) for name, (value, given, _) in REFUSED.items()} | PASSED_OVER


@pytest.fixture
async def producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    kafka = AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka, max_request_size=1_048_576)
    await kafka.start()
    yield kafka
    await kafka.stop()


async def partitions(producer: AIOKafkaProducer, topic: str) -> list[int]:
    return sorted(await producer.partitions_for(topic))


async def poison(producer: AIOKafkaProducer, topic: str) -> None:
    """Put everything that does not belong there into each partition, so that nothing gets around it."""
    sent = [
        await producer.send(topic, value, key=name.encode(), headers=given, partition=partition)
        for partition in await partitions(producer, topic)
        for name, (value, given) in SENT.items()
    ]
    await asyncio.gather(*sent)


async def letters_once_all_is_read(stack: Stack, producer: AIOKafkaProducer, topic: str) -> Letters:
    """All dead letters of a topic when every group has read what is on it now.

    A letter to come of the last record in each partition shows that what came before is dealt with.
    """
    mark = f"mark {uuid4()}"
    marks = {f"{mark} {partition}": GROUPS[topic] for partition in await partitions(producer, topic)}
    for partition, key in enumerate(marks):
        await producer.send_and_wait(topic, b"", key=key.encode(), partition=partition)
    awaited = {
        (key, group, partition) for partition, (key, groups) in enumerate(marks.items()) for group in groups
    }
    found: Letters = {}
    consumer = AIOKafkaConsumer(
        topic_of(topic),
        bootstrap_servers=stack.addresses.kafka,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    async with consumer, asyncio.timeout(PATIENCE):
        # Letters lie in several partitions, which are read in any order: the last may come after the marks.
        while (letters := await _next(consumer)) or not awaited <= found.keys():
            for letter in letters:
                told = {name: text.decode(errors="replace") for name, text in letter.headers}
                source, partition, _ = told["onenet_source"].split("/")
                assert source == topic
                assert told["onenet_error"]
                key = (letter.key or b"").decode(errors="replace")
                found[key, told["onenet_group"], int(partition)] = told["onenet_error_code"]
    # Who tells owners by webhook reads as long as there is one: another test may have made it.
    known = GROUPS[topic]
    return {one: code for one, code in found.items() if one[0] in SENT and one[1] in known}


async def _next(consumer: AIOKafkaConsumer) -> list[Any]:
    """What comes within a second, or nothing."""
    batches = await consumer.getmany(timeout_ms=1000)
    return [record for batch in batches.values() for record in batch]


@pytest.mark.parametrize("topic", GROUPS)
async def test_every_group_sets_poison_aside_and_passes_over_what_is_not_for_it(
    stack: Stack, producer: AIOKafkaProducer, topic: str
) -> None:
    await poison(producer, topic)
    found = await letters_once_all_is_read(stack, producer, topic)
    assert found == {
        (name, group, partition): code
        for name, (_, _, code) in REFUSED.items()
        for group in GROUPS[topic]
        for partition in await partitions(producer, topic)
    }


async def test_the_next_good_messages_are_handled(stack: Stack, producer: AIOKafkaProducer) -> None:
    """Behind the poison in its partition, whichever that is, each group handles what is for it.

    Of the inventory, the provisioner enters new providers, and the API shows what it found there. Of
    connections, the evaluator chooses a path, the provisioner builds it, the API shows it, the monitor
    takes its time. Of health, the monitor comes to its verdict.
    """
    for topic in GROUPS:
        await poison(producer, topic)
    before = await _times_taken(stack)
    async with estate(stack, networks=1) as pair:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])

        async def healthy() -> bool | None:
            return True if (await pair.onenet.connections.get(asked.id)).health == "UP" else None

        async def timed() -> bool | None:
            return True if await _times_taken(stack) > before else None

        await until(healthy, "the monitor's verdict")
        await until(timed, "the monitor to take the time that it took")


async def _times_taken(stack: Stack) -> float:
    """How many connections the monitor has seen established."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{stack.addresses.operations['monitor']}/metrics")).text
    return sum(map(float, re.findall(TIMES_TAKEN, text, re.MULTILINE)))
