"""``onenet-topics`` creates what is missing and mends what is not as it should be, as often as one likes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from onenet_common import events
from onenet_common.dead_letters import topic_of
from onenet_common.settings import Settings
from onenet_common.topics import DAY, configurations
from onenet_common.topics_command import AS_IT_SHOULD_BE, DIFFERENT, run
from onenet_local.apache_kafka import ApacheKafka
from onenet_local.tansu import Tansu
from onenet_local.unprivileged import temporary_folder
from tests.local.test_apache_kafka import needs_kafka

DEAD = topic_of(events.CONNECTIONS)


@pytest.fixture
async def embedded() -> AsyncIterator[Settings]:
    with temporary_folder() as folder:
        async with Tansu(folder) as broker:
            yield Settings(kafka=broker.address, kafka_partitions=2)


@pytest.fixture
async def apache() -> AsyncIterator[Settings]:
    with temporary_folder() as folder:
        async with ApacheKafka(folder) as broker:
            yield Settings(kafka=broker.address, kafka_partitions=2)


async def create(settings: Settings, name: str, partitions: int, **configuration: str) -> None:
    told = {key.replace("_", "."): value for key, value in configuration.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=told)])
    finally:
        await admin.close()


async def described(settings: Settings, name: str) -> tuple[int, dict[str, str]]:
    """Partitions and configuration, as the broker has them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        [topic] = await admin.describe_topics([name])
        resource = ConfigResource(ConfigResourceType.TOPIC, name, None)
        [answer] = await admin.describe_configs([resource])
        return len(topic["partitions"]), {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await admin.close()


async def test_the_embedded_broker_gets_what_is_missing_and_once(embedded: Settings) -> None:
    assert await run(embedded, look_only=True) == DIFFERENT
    assert await run(embedded, look_only=False) == AS_IT_SHOULD_BE
    assert await run(embedded, look_only=True) == AS_IT_SHOULD_BE
    partitions, configuration = await described(embedded, DEAD)
    assert (partitions, configuration["retention.ms"]) == (2, str(14 * DAY))


async def test_the_embedded_broker_cannot_change_what_exists_and_that_is_said(
    embedded: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await create(embedded, DEAD, 1, retention_ms="1000")
    assert await run(embedded, look_only=False) == DIFFERENT
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if line.startswith(DEAD)]
    assert "NOT changed: this broker cannot change a topic that exists" in line
    assert sum("created" in line for line in lines) == len(configurations()) - 1


@needs_kafka
async def test_a_topic_that_exists_is_mended_and_keeps_what_an_operator_set_beside(
    apache: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await create(apache, DEAD, 1, retention_ms="1000", max_message_bytes="555555")
    await create(apache, events.INVENTORY, 5, cleanup_policy="delete")
    assert await run(apache, look_only=True) == DIFFERENT
    partitions, configuration = await described(apache, DEAD)
    assert (partitions, configuration["retention.ms"]) == (1, "1000")
    assert await run(apache, look_only=False) == AS_IT_SHOULD_BE
    assert "another partition" in capsys.readouterr().out
    partitions, configuration = await described(apache, DEAD)
    assert partitions == 2
    assert configuration["retention.ms"] == str(14 * DAY)
    assert configuration["max.message.bytes"] == "555555"
    partitions, configuration = await described(apache, events.INVENTORY)
    assert (partitions, configuration["cleanup.policy"]) == (5, "compact")
    assert await run(apache, look_only=True) == AS_IT_SHOULD_BE
