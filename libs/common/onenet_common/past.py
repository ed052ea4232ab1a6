"""What topics hold, read from their beginnings to their ends as they are when asked, as no group's member.

The embedded broker counts of the last batch the first record alone in a partition's end. So the end
is what must be reached, and what comes along from behind it is taken too.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from onenet_common.database import Connection
from onenet_common.envelope import Message, decode
from onenet_common.errors import Malformed, Permanent, Transient
from onenet_common.kafka_settings import KafkaSettings

SILENCE = 30.0
"""Seconds without a record, short of the end, until Kafka counts as away."""
PROGRESS = 10.0
"""Seconds between two words on how far it is."""

_IN_INBOX = "SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY($2)"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Told:
    """A message and where it lies."""

    partition: TopicPartition
    offset: int
    message: Message


@dataclass
class Past:
    """Some topics, and how far each partition was read.

    Args:
        group: whose inbox and committed offsets tell what is handled; it is not joined.
        committed: the offsets that the group has committed; 0 where it has none.
        unreadable: records that are no events of ours: dead letters, each of them.
    """

    kafka: AIOKafkaConsumer
    group: str
    partitions: Mapping[str, Sequence[TopicPartition]]
    say: Say
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    unreadable: int = 0
    _reached: dict[TopicPartition, int] = field(default_factory=dict)

    async def read(self, topic: str) -> AsyncIterator[list[Told]]:
        """What lies between where reading ended and the topic's end as it is now, each partition in order."""
        partitions = self.partitions[topic]
        first = await self.kafka.beginning_offsets(partitions)
        ends = await self.kafka.end_offsets(partitions)
        self.kafka.assign(partitions)
        for one in partitions:
            self._reached[one] = max(self._reached.get(one, 0), first[one])
            self.kafka.seek(one, self._reached[one])
        progress = _Progress(topic, sum(max(0, ends[one] - self._reached[one]) for one in ends), self.say)
        unfinished = {one for one in partitions if self._reached[one] < ends[one]}
        while unfinished:
            batches = await self.kafka.getmany(*unfinished, timeout_ms=500)
            for one in unfinished:
                self._reached[one] = await self.kafka.position(one)
            progress.made(sum(map(len, batches.values())))
            held = dict(self._reached)
            yield [told for records in batches.values() for told in self._told(records)]
            stopped = {one for one in unfinished if self._reached[one] < held[one]}
            unfinished = {one for one in unfinished - stopped if self._reached[one] < ends[one]}

    def stop_at(self, partition: TopicPartition, offset: int) -> None:
        """Leave a partition for now, and go on with this offset when its topic is read the next time."""
        self._reached[partition] = offset

    async def look_up_committed(self) -> None:
        """See anew how far the group is."""
        for one in (one for partitions in self.partitions.values() for one in partitions):
            self.committed[one] = await self.kafka.committed(one) or 0
        if not any(self.committed.values()):
            self.say(f"{self.group} has committed nothing: what its inbox does not know is left to it")

    async def handled(self, batch: Sequence[Told], connection: Connection) -> list[Told]:
        """Those that the group has handled: it has committed them, or its inbox knows them."""
        doubtful = [told.message for told in batch if told.offset >= self.committed[told.partition]]
        known = await self.in_inbox(doubtful, connection)
        return [
            told for told in batch if told.offset < self.committed[told.partition] or told.message.id in known
        ]

    def without_gaps(self, batch: Sequence[Told], handled: Sequence[Told]) -> list[Told]:
        """Those handled before the first of their partition that is not; from there it is read on."""
        places = {(told.partition, told.offset) for told in handled}
        waiting: dict[TopicPartition, int] = {}
        for told in batch:
            if (told.partition, told.offset) not in places and told.partition not in waiting:
                waiting[told.partition] = told.offset
                self.stop_at(told.partition, told.offset)
        return [told for told in handled if told.offset < waiting.get(told.partition, sys.maxsize)]

    async def in_inbox(self, messages: Sequence[Message], connection: Connection) -> set[UUID]:
        """The ids of those that had their effect in this database, whatever was committed."""
        ids = [message.id for message in messages]
        rows = await connection.fetch(_IN_INBOX, self.group, ids) if ids else []
        return {row["event_id"] for row in rows}

    def _told(self, records: Sequence[ConsumerRecord]) -> list[Told]:
        told = []
        for record in records:
            try:
                message = decode(record.value, record.headers)
            except Malformed:
                self.unreadable += 1
                continue
            if message is not None:
                place = TopicPartition(record.topic, record.partition)
                told.append(Told(place, record.offset, message))
        return told


@dataclass
class _Progress:
    topic: str
    total: int
    say: Say
    read: int = 0
    moved_at: float = field(default_factory=lambda: _now())
    said_at: float = field(default_factory=lambda: _now())

    def made(self, count: int) -> None:
        """Count records.

        Raises:
            Transient: when none have come for long.
        """
        self.read += count
        now = _now()
        if count:
            self.moved_at = now
        elif now > self.moved_at + SILENCE:
            raise Transient(f"nothing came of {self.topic} for {SILENCE:.0f} s", code="kafka_unavailable")
        if now > self.said_at + PROGRESS:
            self.said_at = now
            self.say(f"{self.topic}: {self.read} of about {self.total} records")


@asynccontextmanager
async def opened(
    settings: KafkaSettings, topics: Sequence[str], *, say: Say, group: str
) -> AsyncIterator[Past]:
    """Topics to be read.

    Args:
        say: is told of the progress, a line at a time.
        group: see ``Past``.

    Raises:
        Permanent: when a topic is not there.
        Transient: when Kafka is away.
    """
    kafka = AIOKafkaConsumer(
        **settings.kafka_access(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=int(settings.kafka_fetch_wait * 1000),
    )
    try:
        partitions = await _partitions(settings, topics)
        await kafka.start()
        yield Past(kafka, group, partitions, say)
    except (KafkaError, OSError) as error:
        raise Transient(f"Kafka is unavailable: {error!r}", code="kafka_unavailable") from error
    finally:
        await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=3)


async def _partitions(settings: KafkaSettings, topics: Sequence[str]) -> dict[str, list[TopicPartition]]:
    admin = AIOKafkaAdminClient(**settings.kafka_access())
    try:
        await admin.start()
        described = await admin.describe_topics(list(dict.fromkeys(topics)))
    finally:
        await asyncio.wait({asyncio.ensure_future(admin.close())}, timeout=3)
    found = {
        topic["topic"]: [TopicPartition(topic["topic"], one["partition"]) for one in topic["partitions"]]
        for topic in described
    }
    for topic in topics:
        if not found.get(topic):
            raise Permanent(f"topic {topic} is not there: nothing can be replayed", code="topic_missing")
    return found


def _now() -> float:
    return asyncio.get_running_loop().time()
