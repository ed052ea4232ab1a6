"""What happens now: one Kafka reader per process, whose events go to every stream that listens.

It reads while somebody listens. When it fails, or the database that says whom events concern does,
every stream ends: each client resumes at the last event that it has, and nobody misses any.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from onenet_api.events import audience, reader
from onenet_api.events.audience import Concern
from onenet_api.events.facts import Fact, of_message
from onenet_api.events.reader import BATCH, Offsets
from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.envelope import decode
from onenet_common.errors import Malformed, Transient
from onenet_common.kafka_settings import KafkaSettings

log = structlog.get_logger(__name__)

WAIT = 20.0
"""Seconds that a new stream waits for the reader to be open."""


class Heard(NamedTuple):
    """An event with the place that comes after it; ``timestamp`` is the record's, in milliseconds."""

    partition: TopicPartition
    following: int
    timestamp: int
    concern: Concern


class Listener:
    """A bounded queue of what one stream has yet to tell.

    Args:
        limit: events that may wait; with one more, the listener is too slow and hears no further.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Heard] = deque()
        self._woken = asyncio.Event()
        self.ended: str | None = None
        """Why nothing more comes after what waits: ``too_slow``, ``interrupted``, ``draining``."""

    @property
    def waiting(self) -> bool:
        """Whether there is something to tell already."""
        return bool(self._waiting)

    def offer(self, heard: Heard) -> None:
        if len(self._waiting) >= self._limit:
            self.end("too_slow")
        if self.ended is None:
            self._waiting.append(heard)
            self._woken.set()

    def end(self, code: str) -> None:
        self.ended = self.ended or code
        self._woken.set()

    async def next(self, patience: float) -> Sequence[Heard]:
        """What waits, as soon as something does; nothing after ``patience`` seconds or at the end."""
        if not self._waiting and self.ended is None:
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), patience)
            except TimeoutError:
                return ()
        taken = tuple(self._waiting)
        self._waiting.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Live:
    """The reader while it is open for one stream."""

    feed: Feed
    listener: Listener

    @property
    def positions(self) -> Offsets:
        """Of each partition, what comes next."""
        return dict(self.feed.positions)

    def join(self) -> None:
        """Hear all that comes from ``positions`` on."""
        self.feed.listeners.add(self.listener)


class Feed:
    """The live reader, a component; inert until somebody listens."""

    def __init__(self, settings: KafkaSettings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._reading = Background("read events for streams", self._read, longest_pause=2.0)
        self._wanted = asyncio.Event()
        self._open = asyncio.Event()
        self._guests: set[Listener] = set()
        self.listeners: set[Listener] = set()
        self.positions: Offsets = {}

    async def start(self) -> None:
        self._reading.start()

    async def stop(self) -> None:
        """End every stream, then the reader."""
        self._end("draining")
        await self._reading.stop()

    @asynccontextmanager
    async def listening(self, limit: int) -> AsyncIterator[Live]:
        """The reader, open as long as the block lasts or until the listener's end.

        Raises:
            Transient: when Kafka is away.
        """
        listener = Listener(limit)
        self._guests.add(listener)
        self._wanted.set()
        try:
            if self._reading.stopping.is_set():
                raise Transient("this process is about to end", code="draining")
            try:
                await asyncio.wait_for(self._open.wait(), WAIT)
            except TimeoutError:
                raise Transient("Kafka is unavailable", code="kafka_unavailable") from None
            yield Live(self, listener)
        finally:
            self._guests.discard(listener)
            self.listeners.discard(listener)

    async def heard(self, records: Iterable[ConsumerRecord]) -> list[Heard]:
        """What records tell, and whom it concerns; what is malformed is nobody's news.

        Raises:
            Transient: when the database is away.
        """
        told = [(record, fact) for record in records if (fact := _fact(record)) is not None]
        if not told:
            return []
        async with self._database.acquire() as connection:
            concerns = await audience.concerns(connection, [fact for _, fact in told])
        known = {concern.fact.id: concern for concern in concerns}
        return [
            Heard(
                TopicPartition(record.topic, record.partition),
                record.offset + 1,
                record.timestamp,
                known[fact.id],
            )
            for record, fact in told
            if fact.id in known
        ]

    async def _read(self) -> None:
        self._wanted.clear()
        if not self._guests:
            await self._wanted.wait()
        async with reader.opened(self._settings) as kafka:
            partitions = await reader.partitions(self._settings)
            self.positions = await reader.ends(kafka, partitions)
            self._open.set()
            try:
                while self._guests and not self._reading.stopping.is_set():
                    await self._tell(kafka)
            finally:
                # Who comes while the consumer closes waits for the next one.
                self._open.clear()
                self._end("interrupted")

    async def _tell(self, kafka: AIOKafkaConsumer) -> None:
        batches = await kafka.getmany(timeout_ms=200, max_records=BATCH)
        told = await self.heard(record for records in batches.values() for record in records)
        # From here on nothing waits: who joins sees positions that fit what he hears.
        for heard in told:
            for listener in self.listeners:
                listener.offer(heard)
        for partition, records in batches.items():
            self.positions[partition] = records[-1].offset + 1

    def _end(self, code: str) -> None:
        for listener in self._guests:
            listener.end(code)
        self._guests.clear()
        self.listeners.clear()


def _fact(record: ConsumerRecord) -> Fact | None:
    try:
        message = decode(record.value, record.headers)
    except Malformed as error:
        log.debug("feed.malformed", topic=record.topic, offset=record.offset, code=error.code)
        return None
    return of_message(message) if message is not None else None
