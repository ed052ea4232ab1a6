"""Publishing to Kafka: messages are sent together and acknowledged by all replicas in sync."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from onenet_common import tracing
from onenet_common.envelope import Message, encode_headers
from onenet_common.errors import Transient
from onenet_common.settings import Settings
from onenet_common.telemetry import meter

_sent = meter.create_counter("onenet.messages.sent", description="Records acknowledged, by topic")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record, as Kafka takes it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @classmethod
    def of(cls, message: Message) -> Outgoing:
        event = message.event
        return cls(event.topic, event.key.encode(), message.value(), encode_headers(message.headers()))


class Producer:
    """A Kafka producer that either has everything acknowledged, or raises Transient.

    Args:
        timeout: seconds until a send that nobody acknowledged counts as failed.
    """

    def __init__(self, settings: Settings, *, timeout: float = 15.0) -> None:
        self._settings = settings
        self._timeout = timeout
        self._kafka: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def start(self) -> None:
        """Nothing to do: the connection is made by the first send, and made again after errors."""

    async def stop(self) -> None:
        """Have what is on its way acknowledged, within five seconds."""
        if self._kafka is not None:
            kafka, self._kafka = self._kafka, None
            await _stop(kafka)

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Send records; those of one key arrive in the order given.

        Raises:
            Transient: when any was not acknowledged; all of them may be sent again.
        """
        if not records:
            return
        try:
            with tracing.Sends(records) as sends:
                async with asyncio.timeout(self._timeout):
                    sends.acknowledged(await _send(await self._connected(), sends.records))
        except (KafkaError, OSError) as error:
            await self.stop()
            raise Transient(f"Kafka did not acknowledge: {error!r}", code="kafka_unavailable") from error
        for topic, count in Counter(record.topic for record in records).items():
            _sent.add(count, {"topic": topic})

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._kafka is None:
                self._kafka = await self._connect()
            return self._kafka

    async def _connect(self) -> AIOKafkaProducer:
        kafka = AIOKafkaProducer(
            **self._settings.kafka_access(),
            acks="all",
            enable_idempotence=self._settings.kafka_idempotence,
            request_timeout_ms=int(self._timeout * 1000),
            max_request_size=2_000_000,
        )
        try:
            await kafka.start()
        except BaseException:
            await _stop(kafka)
            raise
        return kafka


async def _send(kafka: AIOKafkaProducer, records: Sequence[Outgoing]) -> list[RecordMetadata]:
    acknowledged = [
        await kafka.send(record.topic, key=record.key, value=record.value, headers=list(record.headers))
        for record in records
    ]
    return await asyncio.gather(*acknowledged)


async def _stop(kafka: AIOKafkaProducer) -> None:
    await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=5)
