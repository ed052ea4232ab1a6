"""How far behind the counting of flow logs is, while it is held up and after a rebalance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from onenet_common.database import Database
from onenet_common.errors import Transient
from onenet_common.producer import Producer
from onenet_monitor.flows.consumer import FlowConsumer
from onenet_monitor.settings import MonitorSettings
from tests.integration.flow_scene import MINUTES
from tests.integration.waiting import eventually
from tests.measurements import measured

LAG = "onenet.consumer.lag"


class Away(Database):
    """A database that does not answer."""

    @asynccontextmanager
    async def acquire(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise Transient("the database is away", code="database_unavailable")
        yield


class Kafka:
    """Knows the ends of its partitions."""

    def __init__(self, ends: dict[int, int]) -> None:
        self.ends = ends

    def highwater(self, at: TopicPartition) -> int | None:
        return self.ends.get(at.partition)


@pytest.fixture
def topic() -> str:
    return f"flows-{uuid4()}"


@pytest.fixture
def counting(topic: str) -> FlowConsumer:
    """A member of the group that has not started."""
    settings = MonitorSettings()
    database = Away("postgresql://nobody@127.0.0.1:1/none", schema="monitor")
    return FlowConsumer(settings, database, Producer(settings), MINUTES, topic=topic)


def shown(topic: str) -> dict[int, float]:
    """The lag of a topic, by partition."""
    series = ((dict(labels), value) for labels, value in measured(LAG).items())
    return {int(str(one["partition"])): value for one, value in series if one["topic"] == topic}


def record(topic: str, offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topic, 0, offset, 0, 0, b"key", b"", None, 3, 0, ())


async def test_the_lag_grows_while_the_database_is_away(counting: FlowConsumer, topic: str) -> None:
    async def now() -> dict[int, float]:
        return shown(topic)

    await now()
    kafka = Kafka({0: 12})
    counting._positions.next = {0: 5}
    held_up = asyncio.create_task(counting._count_until_done(kafka, [record(topic, 5)]))
    await eventually(now, lambda found: found == {0: 7})
    kafka.ends = {0: 20}
    await eventually(now, lambda found: found == {0: 15})
    counting._positions.forget()
    await asyncio.wait_for(held_up, 10)


def test_a_partition_that_somebody_else_has_now_is_no_lag_of_ours(counting: FlowConsumer, topic: str) -> None:
    shown(topic)
    kafka = Kafka({0: 9, 1: 9})
    counting._positions.next = {0: 5, 1: 2}
    counting._measure(kafka)
    assert shown(topic) == {0: 4, 1: 7}
    counting._positions.next = {0: 6}
    counting._measure(kafka)
    assert shown(topic) == {0: 3, 1: 0}


def test_while_nobody_knows_whose_the_partitions_are_the_last_figures_stay(
    counting: FlowConsumer, topic: str
) -> None:
    shown(topic)
    counting._positions.next = {0: 5}
    counting._measure(Kafka({0: 9}))
    counting._positions.forget()
    counting._measure(Kafka({0: 99}))
    assert shown(topic) == {0: 4}
