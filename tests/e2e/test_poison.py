"""What does not belong on a topic goes to its dead letters, and the next good message is handled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from onenet_common import events
from onenet_common.dead_letters import topic_of
from onenet_local.stack import Stack
from tests.e2e.estate import PATIENCE, estate

GOOD_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"0c0c0c0c-0000-4000-8000-000000000001"),
    ("ce_source", b"onenet-provisioner"),
    ("ce_type", b"onenet.health.sampled.v1"),
]
POISON = {
    "not a cloudevent": (b"hello", [], "not_a_cloudevent"),
    "not json": (b"\x00\xff{", GOOD_HEADERS, "wrong_schema"),
    "wrong schema": (b'{"connection_id": 5}', GOOD_HEADERS, "wrong_schema"),
    "an id that is none": (
        b"{}",
        [("ce_id", b"x") if h[0] == "ce_id" else h for h in GOOD_HEADERS],
        "wrong_",
    ),
    "a forged source": (
        b"{}",
        [("ce_source", b"mallory") if h[0] == "ce_source" else h for h in GOOD_HEADERS],
        "wrong_source",
    ),
    "no utf-8": (b"{}", [("ce_type", b"\xff")], "wrong_header"),
    "nothing": (None, GOOD_HEADERS, "bad_size"),
}
CONSUMED = (events.CONNECTIONS, events.INVENTORY, events.HEALTH)


@pytest.fixture
async def producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    kafka = AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka)
    await kafka.start()
    yield kafka
    await kafka.stop()


@pytest.mark.parametrize("topic", CONSUMED)
async def test_poison_is_set_aside_with_its_reason(
    stack: Stack, producer: AIOKafkaProducer, topic: str
) -> None:
    wanted = {f"{topic}: {name}".encode(): code for name, (_, _, code) in POISON.items()}
    for name, (value, headers, _) in POISON.items():
        await producer.send_and_wait(topic, value, key=f"{topic}: {name}".encode(), headers=headers)
    consumer = AIOKafkaConsumer(
        topic_of(topic),
        bootstrap_servers=stack.addresses.kafka,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    seen: dict[bytes, str] = {}
    async with asyncio.timeout(PATIENCE):
        async for letter in consumer:
            told = dict(letter.headers)
            assert told["onenet_source"].startswith(f"{topic}/".encode())
            assert told["onenet_error"]
            seen[letter.key] = told["onenet_error_code"].decode()
            if wanted.keys() <= seen.keys():
                break
    await consumer.stop()
    for key, code in wanted.items():
        assert seen[key].startswith(code), key


async def test_a_new_type_and_a_megabyte_disturb_nobody(stack: Stack, producer: AIOKafkaProducer) -> None:
    newer = [
        ("ce_type", b"onenet.connection.teleported.v9") if h[0] == "ce_type" else h for h in GOOD_HEADERS
    ]
    for topic in CONSUMED:
        await producer.send_and_wait(topic, b"{}", key=b"newer", headers=newer)
        await producer.send_and_wait(topic, b"x" * 1_000_000, key=b"large", headers=GOOD_HEADERS)
    async with estate(stack, networks=1) as pair:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
