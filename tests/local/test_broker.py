"""The embedded broker: speaks Kafka's protocol, and loses everything when it is restarted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from onenet_local.probes import PORTS
from onenet_local.tansu import Tansu
from onenet_local.unprivileged import temporary_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def _topics(broker: Tansu) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def _create(broker: Tansu, topic: str, *, partitions: int = 2) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
    finally:
        await admin.close()


async def test_a_message_with_key_and_headers_arrives(folder: Path) -> None:
    async with Tansu(folder) as broker:
        await _create(broker, "letters")
        async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
            await producer.send_and_wait("letters", b"hello", key=b"k", headers=[("ce_id", b"1")])
        consumer = AIOKafkaConsumer("letters", bootstrap_servers=broker.address, auto_offset_reset="earliest")
        async with consumer:
            message = await consumer.getone()
        assert (message.key, message.value, list(message.headers)) == (b"k", b"hello", [("ce_id", b"1")])


async def test_what_many_write_at_once_to_partitions_that_were_empty_is_all_read(folder: Path) -> None:
    partitions, at_once, writers = 600, 4, 5

    async def write(broker: Tansu, start: asyncio.Barrier) -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.address, acks="all") as producer:
            await producer.partitions_for("letters")
            for first in range(0, partitions, at_once):
                await start.wait()
                burst = range(first, first + at_once)
                await asyncio.gather(*[await producer.send("letters", b"", partition=one) for one in burst])

    async with Tansu(folder) as broker:
        await _create(broker, "letters", partitions=partitions)
        start = asyncio.Barrier(writers)
        await asyncio.gather(*(write(broker, start) for _ in range(writers)))
        consumer = AIOKafkaConsumer(
            "letters", bootstrap_servers=broker.address, auto_offset_reset="earliest", fetch_max_wait_ms=10
        )
        read: Counter[TopicPartition] = Counter()
        async with consumer:
            while read.total() < partitions * writers and (
                batches := await consumer.getmany(timeout_ms=10_000)  # what is lost never comes
            ):
                read.update({partition: len(records) for partition, records in batches.items()})
    assert {partition: count for partition, count in read.items() if count != writers} == {}
    assert len(read) == partitions


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_restart_keeps_the_address_and_loses_the_rest(folder: Path, end: str) -> None:
    async with Tansu(folder) as broker:
        address, pid = broker.address, broker.pid
        await _create(broker, "letters")
        await (broker.kill() if end == "kill" else broker.stop())
        assert broker.pid is None
        await broker.start()
        assert (broker.address, broker.pid != pid) == (address, True)
        assert "letters" not in await _topics(broker)


def test_its_port_is_none_that_an_outgoing_connection_may_have_while_it_is_away(folder: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert Tansu(folder).port in PORTS
    assert PORTS.stop <= lowest
