"""A topic, and a handler whose effects are rows, for tests of the bus and of the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from sqlmodel import Field, SQLModel

from onenet_common.bus import Consumer, Handle, Processor, in_transaction
from onenet_common.database import Connection, Database
from onenet_common.dead_letters import topic_of
from onenet_common.envelope import Message
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.broker import Broker
from onenet_local.tansu import Tansu
from tests.integration.waiting import eventually
from tests.samples import sampled

_numbers = count(1)


def kafka_settings(broker: Broker, database_url: str) -> Settings:
    """Of a broker, with a group that forms as quickly as it does there."""
    embedded = isinstance(broker, Tansu)
    return Settings(
        kafka=broker.address,
        kafka_idempotence=not embedded,
        kafka_session_timeout=1 if embedded else 6,
        kafka_fetch_wait=0.03,
        kafka_partitions=1,
        database_url=SecretStr(database_url),
    )


def messages(*healths: str, key: UUID | None = None) -> list[Message]:
    """Events of one key whose place in the order can be told apart."""
    key = key or uuid4()
    return [sampled(key, health) for health in healths]


class Topic:
    """One topic with one partition, its dead letters, and its consumer group."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # The broker may have seen these tests before, and have kept what they sent.
        self.name = f"test-{uuid4()}"
        self.group = f"group-of-{self.name}"

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            names = (self.name, topic_of(self.name))
            await admin.create_topics([NewTopic(name, 1, 1) for name in names])
        finally:
            await admin.close()

    def outgoing(self, message: Message) -> Outgoing:
        made = Outgoing.of(message)
        return Outgoing(self.name, made.key, made.value, made.headers)

    async def records(self, enough: int, *, dead: bool = False) -> list[ConsumerRecord]:
        """All records from the start, once there are enough of them."""
        name = topic_of(self.name) if dead else self.name
        kafka = AIOKafkaConsumer(
            name,
            bootstrap_servers=self.settings.kafka,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=10,
            metadata_max_age_ms=200,
        )
        await kafka.start()
        found: list[ConsumerRecord] = []

        async def read() -> list[ConsumerRecord]:
            for batch in (await kafka.getmany(timeout_ms=50)).values():
                found.extend(batch)
            return found

        try:
            return await eventually(read, lambda records: len(records) >= enough)
        finally:
            await kafka.stop()

    async def committed(self) -> int:
        """The group's offset in the first partition, 0 before there is one."""
        kafka = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka, group_id=self.group, enable_auto_commit=False
        )
        await kafka.start()
        try:
            return await kafka.committed(TopicPartition(self.name, 0)) or 0
        finally:
            await kafka.stop()

    async def commit(self, offset: int | None = None) -> None:
        """Have the group begin at this offset of the first partition, at its end by default."""
        partition = TopicPartition(self.name, 0)
        kafka = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka, group_id=self.group, enable_auto_commit=False
        )
        # As no member, for whom a broker would wait before the group is formed.
        kafka.assign([partition])
        await kafka.start()
        try:
            end = (await kafka.end_offsets([partition]))[partition]
            await kafka.commit({partition: end if offset is None else offset})
        finally:
            await kafka.stop()

    @asynccontextmanager
    async def consumed(
        self, process: Processor, producer: Producer, handled: frozenset[str] | None = None
    ) -> AsyncIterator[Consumer]:
        """A member of the group for as long as the block lasts."""
        consumer = Consumer(
            self.settings,
            group=self.group,
            topics=[self.name],
            process=process,
            producer=producer,
            handled=handled,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


class _Table(SQLModel):
    pass


class EffectRow(_Table, table=True):
    """One message that was handled; ``place`` counts them."""

    __tablename__ = "effects"

    place: int | None = Field(default=None, primary_key=True)
    health: str


class Effects(Database):
    """A schema of its own with what a handler did, in order."""

    def __init__(self, url: str) -> None:
        super().__init__(url, schema=f"test_{next(_numbers)}", metadata=EffectRow.metadata, size=4)

    async def write(self, messages: Sequence[Message], connection: Connection) -> None:
        """A handler."""
        await connection.executemany(
            "INSERT INTO effects (health) VALUES ($1)",
            [(message.event.model_dump()["sample"]["health"],) for message in messages],
        )

    async def seen(self) -> list[str]:
        async with self.acquire() as connection:
            rows = await connection.fetch("SELECT health FROM effects ORDER BY place")
        return [row["health"] for row in rows]

    async def settled(self, *expected: str) -> None:
        """Wait for exactly these effects."""
        assert await eventually(self.seen, lambda seen: len(seen) >= len(expected)) == list(expected)

    def processor(self, topic: Topic, handle: Handle | None = None) -> Processor:
        return in_transaction(self, topic.group, handle or self.write)

    async def end_backends(self, application: str | None = None) -> int:
        """Have the server close every connection of this schema but the one that asks."""
        async with self.acquire() as connection:
            return int(
                await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = $1 AND pid <> pg_backend_pid()",
                    application or f"onenet-{self.schema}",
                )
            )
