"""Somebody who listens to the topic of connections from the first event to the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from onenet_common.dead_letters import topic_of
from onenet_common.envelope import Message, decode
from onenet_common.events import CONNECTIONS, HEALTH, INVENTORY, ConnectionEvent
from tests.chaos.judge import DeadLetter, Published
from tests.e2e.estate import until

PATIENCE = 60.0


class Subscriber:
    """Follows every partition by itself, and goes on where it was when the broker dies."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._reached: dict[TopicPartition, int] = {}
        self._listening: asyncio.Task[None] | None = None
        self.messages: list[Message] = []
        self.received: list[Published] = []

    def start(self) -> None:
        self._listening = asyncio.create_task(self._listen(), name="subscriber")

    async def caught_up(self) -> None:
        """Wait until everything that the topic has now is received."""
        async with asyncio.timeout(PATIENCE), _consumer(self._kafka, CONNECTIONS) as other:
            ends = await other.end_offsets(other.assignment())

            async def there() -> bool | None:
                behind = any(self._reached.get(partition, 0) < end for partition, end in ends.items())
                return None if behind else True

            await until(there, "the subscriber to have received everything")

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    async def _listen(self) -> None:
        while True:
            try:
                async with _consumer(self._kafka, CONNECTIONS) as kafka:
                    for partition, offset in self._reached.items():
                        kafka.seek(partition, offset)
                    while True:
                        await self._receive(kafka)
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)

    async def _receive(self, kafka: AIOKafkaConsumer) -> None:
        for partition, records in (await kafka.getmany(timeout_ms=500)).items():
            for record in records:
                message = decode(record.value, record.headers)
                if message is not None and isinstance(message.event, ConnectionEvent):
                    self.messages.append(message)
                    self.received.append(_published(message, message.event))
                self._reached[partition] = record.offset + 1


async def dead_letters(kafka: str) -> list[DeadLetter]:
    """Every dead letter that there is."""
    return [letter for topic in (CONNECTIONS, INVENTORY, HEALTH) for letter in await _letters(kafka, topic)]


async def _letters(kafka: str, topic: str) -> Sequence[DeadLetter]:
    letters: list[DeadLetter] = []
    async with asyncio.timeout(PATIENCE), _consumer(kafka, topic_of(topic)) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while [one for one, end in ends.items() if await consumer.position(one) < end]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for headers in (dict(record.headers) for record in records):
                    code, reason = headers["onenet_error_code"].decode(), headers["onenet_error"].decode()
                    letters.append(DeadLetter(topic, code, reason))
    return letters


def _published(message: Message, event: ConnectionEvent) -> Published:
    return Published(
        id=message.id,
        connection=event.connection_id,
        happening=event.happening(),
        generation=event.generation,
        producer=message.source,
        time=message.time,
    )


@asynccontextmanager
async def _consumer(kafka: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader of all of a topic, in no group."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=100
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=5)
