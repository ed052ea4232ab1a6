"""Flow logs on a topic of their own, members of a group that count them, and what they come to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from onenet_common.connection import CType
from onenet_common.database import Database
from onenet_common.dead_letters import topic_of
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEstablished, ResourceDiscovered
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_monitor.flows.consumer import FlowConsumer
from onenet_monitor.flows.inventory_store import follow
from onenet_monitor.flows.partitions import Partitioned
from onenet_monitor.main import MIGRATIONS
from onenet_monitor.settings import MonitorSettings
from tests import databases
from tests.integration.waiting import eventually
from tests.samples import LEFT, RIGHT, evaluated, wish

MINUTES = Partitioned("flow_minutes", 7)
HOURS = Partitioned("flow_hours", 90)
WISH = wish()
HEADER = "version vpc-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

_numbers = count(1)

Sums = Counter[tuple[datetime, str]]
"""Bytes by minute and kind."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A record as AWS writes it, seen by the network of its source."""

    start: datetime
    size: int
    network: str = LEFT.native_id
    source: str = "10.1.0.7"
    target: str = "10.2.0.8"

    def line(self) -> str:
        seconds = int(self.start.timestamp())
        return (
            f"5 {self.network} {self.source} {self.target} 40000 443 6 1 {self.size} "
            f"{seconds} {seconds + 59} ACCEPT OK"
        )


def text(flows: Iterable[Flow]) -> bytes:
    """A flow log."""
    return "\n".join([HEADER, *(flow.line() for flow in flows), ""]).encode()


def now() -> datetime:
    """The minute that has just begun."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def some(amount: int, seed: int, *, minutes: int = 30) -> list[Flow]:
    """Records of the last minutes; all sums tell one seed from another."""
    chance = random.Random(seed)
    return [
        Flow(now() - timedelta(minutes=chance.randrange(1, minutes)), chance.randrange(1, 1_000_000))
        for _ in range(amount)
    ]


def expected(flows: Iterable[Flow], kind: str = "connection") -> Sums:
    """The sums, the slow way."""
    sums: Sums = Counter()
    for flow in flows:
        sums[flow.start.replace(second=0, microsecond=0), kind] += flow.size
    return sums


def known_since(at: datetime) -> list[Message]:
    """Events by which the monitor knows two networks and the connection between them."""
    discovered = [ResourceDiscovered(resource_id=one.id, at=at, resource=one) for one in (LEFT, RIGHT)]
    established = ConnectionEstablished(
        connection_id=WISH.id, generation=1, ctype=CType.AWS_PEERING, details={}
    )
    made = [*map(Message.of, discovered), evaluated(WISH), Message.of(established)]
    return [Message(one.event, one.id, one.source, one.actor, at) for one in made]


class FlowScene:
    """A schema, a topic and a group that nobody else uses."""

    def __init__(self, settings: Settings, *, partitions: int = 1, **changes: Any) -> None:
        self.settings = MonitorSettings(
            **{**settings.model_dump(), "ONENET_MONITOR_FLOW_PATIENCE": 0.05, **changes}
        )
        self.topic = f"test-flows-{uuid4()}"
        self.partitions = partitions
        self.schema = f"flows_{next(_numbers)}"
        self.database = self.another_database()
        self.producer = Producer(settings)

    def another_database(self) -> Database:
        url = self.settings.database_url.get_secret_value()
        return Database(url, schema=self.schema, migrations=MIGRATIONS, size=3)

    async def start(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            names = {self.topic: self.partitions, topic_of(self.topic): 1}
            await admin.create_topics([NewTopic(name, number, 1) for name, number in names.items()])
        finally:
            await admin.close()
        await databases.start(self.database, MIGRATIONS)

    async def stop(self) -> None:
        await self.producer.stop()
        await self.database.stop()

    async def know(self, messages: Sequence[Message]) -> None:
        async with self.database.transaction() as connection:
            await follow(messages, connection)

    async def send(self, *values: bytes, key: str | None = None, id_: str | None = None) -> None:
        keys = [key or str(uuid4()) for _ in values]
        headers = [("onenet_id", id_.encode())] if id_ is not None else []
        await self.producer.send(
            [
                Outgoing(self.topic, key.encode(), value, headers)
                for key, value in zip(keys, values, strict=True)
            ]
        )

    async def dead_letters(self, enough: int) -> list[ConsumerRecord]:
        """All of them, once there are enough."""
        kafka = AIOKafkaConsumer(
            topic_of(self.topic),
            bootstrap_servers=self.settings.kafka,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=10,
        )
        found: list[ConsumerRecord] = []

        async def read() -> list[ConsumerRecord]:
            for batch in (await kafka.getmany(timeout_ms=50)).values():
                found.extend(batch)
            return found

        async with kafka:
            return await eventually(read, lambda letters: len(letters) >= enough)

    @asynccontextmanager
    async def counting(self, database: Database | None = None) -> AsyncIterator[FlowConsumer]:
        """A member of the group for as long as the block lasts."""
        consumer = FlowConsumer(
            self.settings,
            database or self.database,
            self.producer,
            MINUTES,
            topic=self.topic,
            group=f"group-of-{self.topic}",
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def sums(self, table: str = "flow_minutes", since: str = "minute") -> Sums:
        """What is counted."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                f"SELECT {since}, kind, sum(bytes)::bigint AS bytes FROM {table} GROUP BY 1, 2"
            )
        return Counter({(row[since], row["kind"]): row["bytes"] for row in rows})

    async def total(self) -> int:
        """All bytes that are counted."""
        return sum((await self.sums()).values())

    async def counted(self, offsets: int) -> None:
        """Wait until so many messages are counted."""
        await eventually(self.offsets, lambda found: sum(found) >= offsets)

    async def offsets(self) -> list[int]:
        async with self.database.acquire() as connection:
            return [row[0] for row in await connection.fetch("SELECT next_offset FROM flow_offsets")]
