"""Consuming from Kafka: batches, one transaction each, and a place for every message.

What happens to a message:

- it is handled once in effect: its id goes into the inbox in the transaction that handles it,
  and the offset is committed some time after that transaction;
- malformed, or refused by its handler with Permanent or an error nobody foresaw: it goes to
  ``<topic>.dead`` with the reason, alone, while the rest of its batch is handled;
- Transient (the database is away): nothing is committed, the batch is tried again after a
  pause that grows, and nothing behind it is handled, so that the order of keys holds;
- of a type that this release does not know: counted and passed over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from onenet_common import dead_letters, inbox, tracing
from onenet_common.background import Background
from onenet_common.database import Connection, Database
from onenet_common.dead_letters import Record
from onenet_common.durations import duration
from onenet_common.envelope import Message, decode
from onenet_common.errors import Malformed, OneNetError, Transient
from onenet_common.events import EVENTS
from onenet_common.positions import Positions
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_common.telemetry import meter
from onenet_common.topics import Topics

log = structlog.get_logger(__name__)
_handled = meter.create_counter("onenet.messages.handled", description="Records by topic, type and outcome")
_dead = meter.create_counter("onenet.messages.dead", description="Records sent to a dead-letter topic")
_batches = duration("messaging.process.duration", "Handling of a batch, by consumer group and error")
_lag = meter.create_gauge("onenet.consumer.lag", description="Records behind the end of a partition")

BATCH = 500
ANSWER_SECONDS = 5.0
COMMIT_INTERVAL = 0.5
"""Seconds between two commits of offsets, and between two looks at where the logs end. What is handled
again after a crash has no effect, so that nothing has to wait for the broker's answer to each batch."""

Handle = Callable[[Sequence[Message], Connection], Awaitable[None]]


class Processor(Protocol):
    """Takes messages in order and makes their effect durable, all of it or nothing."""

    async def __call__(self, messages: Sequence[Message]) -> None: ...


def in_transaction(database: Database, consumer: str, handle: Handle) -> Processor:
    """A processor that runs a handler inside one transaction with the inbox.

    Args:
        consumer: the name under which ids are recorded, the consumer group's.
        handle: gets the messages that were not handled before, in order.
    """

    async def process(messages: Sequence[Message]) -> None:
        async with database.transaction() as connection:
            if fresh := await inbox.unseen(connection, consumer, messages):
                await handle(fresh, connection)

    return process


@dataclass(frozen=True, slots=True)
class _Received:
    record: Record
    message: Message


class Consumer:
    """One member of a consumer group.

    Args:
        group: the consumer group, the service's name.
        topics: what to subscribe to.
        process: takes each batch; see ``in_transaction``.
        producer: for dead letters.
        handled: event classes' types to hand over; None for all that are known.
        patience: seconds that a message may wait for others to be handled with; the more that come
            together, the less each one costs.
        wanted: asked before each batch; what nobody wants is passed over unread.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        group: str,
        topics: Sequence[str],
        process: Processor,
        producer: Producer,
        handled: frozenset[str] | None = None,
        patience: float = 0.0,
        wanted: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._wanted = wanted
        self._settings = settings
        self._group = group
        self._topics = topics
        self._process = process
        self._producer = producer
        self._types = handled
        self._patience = patience
        self._passed_over = _left_to_others(topics, handled)
        self._consuming = Background(f"consume {group}", self._consume, longest_pause=2.0)
        self.assigned = False

    async def start(self) -> None:
        for topic in self._topics:
            # A series that begins with its first dead letter shows no increase.
            self._count_dead(topic, 0)
        self._consuming.start()

    async def stop(self) -> None:
        """Finish the batch in hand within five seconds, commit it, and leave the group.

        A batch that cannot be finished is not committed: whoever gets the partition handles it.
        """
        await self._consuming.stop(grace=5)

    async def _consume(self) -> None:
        kafka = self._connect()
        try:
            # A broker that lost its disks has lost the topics too.
            await Topics(self._settings).create_missing()
            await kafka.start()
            await self._take_batches(kafka)
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"Kafka is unavailable: {error!r}", code="kafka_unavailable") from error
        finally:
            self.assigned = False
            await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=3)

    async def _take_batches(self, kafka: AIOKafkaConsumer) -> None:
        clock = asyncio.get_running_loop().time
        done: dict[TopicPartition, int] = {}
        positions = Positions()
        looked_at = clock()
        while not self._consuming.stopping.is_set():
            batches = await kafka.getmany(timeout_ms=200, max_records=BATCH)
            self.assigned = bool(kafka.assignment())
            if batches:
                self._measure(kafka, {partition: batch[0].offset for partition, batch in batches.items()})
                await self._handle_until_done([record for batch in batches.values() for record in batch])
                done |= {partition: batch[-1].offset + 1 for partition, batch in batches.items()}
                await self._consuming.rest(self._patience)
            if clock() >= looked_at + COMMIT_INTERVAL:
                await self._commit(kafka, done)
                await self._bounded(positions.check(kafka))
                done, looked_at = {}, clock()
        await self._commit(kafka, done)

    def _connect(self) -> AIOKafkaConsumer:
        session = int(self._settings.kafka_session_timeout * 1000)
        return AIOKafkaConsumer(
            *self._topics,
            **self._settings.kafka_access(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 6,
            rebalance_timeout_ms=session,
            max_poll_interval_ms=600_000,
            fetch_max_wait_ms=int(max(self._settings.kafka_fetch_wait, self._patience) * 1000),
        )

    async def _handle_until_done(self, records: Sequence[Record]) -> None:
        pause = 0.1
        while True:
            started = time.perf_counter()
            try:
                await self._handle(records)
                return self._time(started)
            except Transient as error:
                self._time(started, error)
                if self._consuming.stopping.is_set():
                    raise
                log.warning("bus.paused", group=self._group, reason=error.reason, code=error.code)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 10.0)

    async def _handle(self, records: Sequence[Record]) -> None:
        if self._wanted is not None and not await self._wanted():
            return
        received: list[_Received] = []
        dead: list[Outgoing] = []
        for record in records:
            try:
                message = decode(record.value, record.headers, self._passed_over)
            except Malformed as error:
                dead.append(self._refuse(record, error))
                continue
            if message is None or (self._types is not None and message.event.type not in self._types):
                continue
            received.append(_Received(record, message))
        dead += await self._process_traced(received)
        await self._producer.send(dead)

    async def _process_traced(self, received: Sequence[_Received]) -> list[Outgoing]:
        spans = []
        traced = []
        for item in received:
            span, message = tracing.received(item.message, item.record, self._group)
            spans.append(span)
            traced.append(_Received(item.record, message))
        try:
            return await self._process_apart(traced)
        except Transient as error:
            for span in spans:
                tracing.failed(span, error)
            raise
        finally:
            for span in spans:
                span.end()

    async def _process_apart(self, received: Sequence[_Received]) -> list[Outgoing]:
        """Process all at once; what fails for good is found by halving, and answered as dead."""
        if not received:
            return []
        try:
            # A batch has many traces: what is said of it belongs to one only when it is of one message.
            alone = tracing.of(received[0].message.trace) if len(received) == 1 else nullcontext()
            with alone:
                await self._process([item.message for item in received])
        except Transient:
            raise
        except Exception as error:
            if len(received) > 1:
                half = len(received) // 2
                first = await self._process_apart(received[:half])
                return first + await self._process_apart(received[half:])
            return [self._refuse(received[0].record, error)]
        kinds = Counter((item.record.topic, item.message.event.type) for item in received)
        for (topic, event_type), count in kinds.items():
            self._count(topic, event_type, "handled", count)
        return []

    def _refuse(self, record: Record, error: Exception) -> Outgoing:
        code = error.code if isinstance(error, OneNetError) else type(error).__name__
        with tracing.of(tracing.cause_of(record.headers)):
            log.error(
                "bus.dead_letter",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                code=code,
                reason=str(error),
                exc_info=not isinstance(error, OneNetError),
            )
        self._count(record.topic, "", f"dead_{code}")
        self._count_dead(record.topic)
        return dead_letters.wrap(record, code=code, reason=str(error), group=self._group)

    async def _commit(self, kafka: AIOKafkaConsumer, done: Mapping[TopicPartition, int]) -> None:
        """Commit offsets of the partitions that are ours still, and show how far behind we are."""
        ours = {partition: offset for partition, offset in done.items() if partition in kafka.assignment()}
        if ours:
            await self._bounded(kafka.commit(ours))
        self._measure(kafka, done)

    async def _bounded(self, call: Awaitable[None]) -> None:
        """Something asked of the broker, which aiokafka repeats for ever when the topic is gone."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await call
        except (CommitFailedError, IllegalStateError) as error:
            # Another member has the partition now and handles these again; the inbox drops them.
            log.info("bus.partition_lost", group=self._group, error=repr(error))

    def _measure(self, kafka: AIOKafkaConsumer, reached: Mapping[TopicPartition, int]) -> None:
        """Show how far behind we are; a partition that another member has now is not our lag."""
        for partition, offset in reached.items():
            end = kafka.highwater(partition) if partition in kafka.assignment() else None
            labels = {"topic": partition.topic, "partition": partition.partition, "group": self._group}
            _lag.set(max(0, end - offset) if end is not None else 0, labels)

    def _count_dead(self, topic: str, count: int = 1) -> None:
        _dead.add(count, {"topic": topic, "group": self._group})

    def _time(self, started: float, error: Transient | None = None) -> None:
        labels = {"messaging.system": "kafka", "messaging.consumer.group.name": self._group}
        if error is not None:
            labels["error.type"] = error.code
        _batches.record(time.perf_counter() - started, labels)

    def _count(self, topic: str, event_type: str, outcome: str, count: int = 1) -> None:
        _handled.add(count, {"topic": topic, "type": event_type, "outcome": outcome, "group": self._group})


def _left_to_others(topics: Sequence[str], handled: frozenset[str] | None) -> frozenset[str]:
    """Types that belong on these topics and are handled, and thereby checked, by other groups."""
    if handled is None:
        return frozenset()
    return frozenset(type_ for type_, event in EVENTS.items() if event.topic in topics) - handled
