"""Apache Kafka keeps what it acknowledged: through an orderly end, through kill -9, and to another port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from onenet_local.apache_kafka import POM, ApacheKafka, cache
from onenet_local.parts import Choice, build
from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings

LETTERS = TopicPartition("letters", 0)

needs_kafka = pytest.mark.skipif(
    local_settings().local_kafka is not None or local_settings().local_broker != "apache",
    reason="it starts Apache Kafka, which `make test-kafka` does",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def _create(broker: ApacheKafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(LETTERS.topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _send(broker: ApacheKafka, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=True, acks="all")
    async with producer:
        for value in values:
            await producer.send_and_wait(LETTERS.topic, value)


async def _read(broker: ApacheKafka, count: int) -> list[bytes]:
    """The next values of a group that goes on where it was."""
    consumer = AIOKafkaConsumer(
        LETTERS.topic,
        bootstrap_servers=broker.address,
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        read = [await consumer.getone() for _ in range(count)]
        await consumer.commit({LETTERS: read[-1].offset + 1})
    return [record.value for record in read]


@needs_kafka
async def test_messages_and_offsets_outlive_the_broker(folder: Path) -> None:
    broker = ApacheKafka(folder)
    async with broker:
        address = broker.address
        await _create(broker)
        await _send(broker, b"one", b"two")
        assert await _read(broker, 1) == [b"one"]
        await broker.kill()
        await broker.start()
        assert broker.address == address
        await _send(broker, b"three")
        assert await _read(broker, 1) == [b"two"]
        await broker.stop()
        assert await broker.ended() in (0, 143)
    async with ApacheKafka(folder) as another:
        assert another.address != address
        assert await _read(another, 1) == [b"three"]


@needs_kafka
async def test_topics_do_not_appear_by_being_named(folder: Path) -> None:
    async with ApacheKafka(folder) as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.address, request_timeout_ms=500)
        async with producer:
            with pytest.raises(KafkaError):
                await producer.send_and_wait("leters", b"lost")


@needs_kafka
async def test_what_was_fetched_once_needs_no_maven(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with ApacheKafka(folder) as broker:
        assert broker.notices == ()
        (tmp_path / "java").symlink_to(broker.program.command[0])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    async with ApacheKafka(folder) as broker:
        assert broker.pid is not None


def test_another_kafka_has_another_cache(tmp_path: Path) -> None:
    newer = tmp_path / "pom.xml"
    newer.write_text(POM.read_text().replace("<kafka.version>4.", "<kafka.version>5."))
    assert cache(newer) != cache(POM)


def test_a_broker_that_runs_already_is_used_and_none_started(folder: Path) -> None:
    parts = build(folder, LocalSettings(local_kafka="kafka.example.com:9092"), Choice(), {})
    assert "broker" not in parts.by_name
    told = parts.by_name["evaluator"].process.program.environment
    assert told["ONENET_KAFKA"] == parts.addresses.kafka == "kafka.example.com:9092"
    assert told.items() >= ApacheKafka.CLIENTS.items()


@pytest.mark.parametrize("address", ["kafka", ":9092", "kafka:ninety", "kafka:9092,other:9092 "])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="local_kafka"):
        LocalSettings(local_kafka=address)
