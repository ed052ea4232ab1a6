"""Reads dead-letter topics from their ends, in windows, in no consumer group, within a time.

Nothing here reads a whole topic: a page ends after ``LOOKED`` records or ``PATIENCE`` seconds, short
if need be, and its cursor says where the next one goes on.

The embedded broker counts of the last batch the first record alone in a partition's end. So the end
is where reading starts from, and what comes along from behind it is taken too.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from onenet_api.dead_letters.letters import Place, Summary, Wanted, summary
from onenet_common.dead_letters import source_of, topic_of
from onenet_common.errors import Transient
from onenet_common.kafka_settings import KafkaSettings
from onenet_common.topics import CONFIGURATION

WINDOW = 50
"""Records that are read of a partition at a time."""
LOOKED = 2000
"""Records that one page looks at."""
PATIENCE = 5.0
"""Seconds that one page looks for."""
TIMEOUT = 15.0
"""Seconds until Kafka counts as away."""
FETCH_BYTES = 8_000_000

T = TypeVar("T")
Bounds = Mapping[tuple[str, int], int]
"""By topic and partition: the offset below which a page has not looked."""


@dataclass(slots=True)
class _Tail:
    """What is left of a partition: offsets from ``first`` up to ``end``, without it.

    Args:
        known: the partition's end as the broker tells it.
        read: the newest of it, newest last.
    """

    partition: TopicPartition
    first: int
    end: int
    known: int
    read: list[Summary] = field(default_factory=list)

    @property
    def window(self) -> range:
        stop = min(self.end, self.known)
        return range(max(self.first, stop - WINDOW), stop)

    def refill(self, read: list[Summary]) -> None:
        self.read = [one for one in read if one.place.offset < self.end]
        if not self.read:
            self.end = self.window.start

    def take(self) -> Summary:
        letter = self.read.pop()
        self.end = letter.place.offset
        return letter

    def close(self) -> None:
        self.read, self.end = [], self.first


class DeadLetters:
    """The dead letters of OneNet's topics.

    Every method raises Transient when Kafka is away or slower than ``TIMEOUT``.
    """

    def __init__(self, settings: KafkaSettings, topics: Collection[str] = tuple(CONFIGURATION)) -> None:
        self._settings = settings
        self.topics = topics

    async def newest(
        self, wanted: Wanted, limit: int, below: Bounds | None = None
    ) -> tuple[list[Summary], Bounds]:
        """Letters, newest first, and where to go on; no bounds are left after the last one."""
        topics = self.topics if wanted.topic is None else [wanted.topic]
        async with self._opened(topics) as (kafka, partitions):
            tails = await _tails(kafka, partitions, below)
            found = await _search(kafka, tails, wanted, limit)
        left = {(source_of(one.partition.topic), one.partition.partition): one.end
                for one in tails if one.first < one.end}  # fmt: skip
        return found, left

    async def find(self, places: Collection[Place]) -> dict[Place, ConsumerRecord]:
        """The records that are there still; at most one window's worth is sensible."""
        ours = [place for place in places if place.topic in self.topics]
        async with self._opened({place.topic for place in ours}) as (kafka, partitions):
            tails = {tail.partition: tail for tail in await _tails(kafka, partitions, None)}
            found = {}
            for place in ours:
                partition = TopicPartition(topic_of(place.topic), place.partition)
                tail = tails.get(partition)
                if tail is None or place.offset < tail.first:
                    continue
                start = min(place.offset, tail.known - 1)
                read = await _read(kafka, {partition: range(start, start + 1)}, _whole)
                for one in read[partition]:
                    if one.offset == place.offset:
                        found[place] = one
        return found

    @asynccontextmanager
    async def _opened(
        self, topics: Collection[str]
    ) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
        kafka = AIOKafkaConsumer(
            **self._settings.kafka_access(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=int(self._settings.kafka_fetch_wait * 1000),
            fetch_max_bytes=FETCH_BYTES,
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                partitions = await self._partitions([topic_of(topic) for topic in topics])
                await kafka.start()
                yield kafka, partitions
        except (KafkaError, OSError) as error:
            raise Transient(f"dead letters cannot be read: {error!r}", code="kafka_unavailable") from error
        finally:
            await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=3)

    async def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        if not topics:
            return []
        admin = AIOKafkaAdminClient(**self._settings.kafka_access())
        try:
            await admin.start()
            described = await admin.describe_topics(list(topics))
        finally:
            await asyncio.wait({asyncio.ensure_future(admin.close())}, timeout=3)
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]


async def _tails(
    kafka: AIOKafkaConsumer, partitions: Sequence[TopicPartition], below: Bounds | None
) -> list[_Tail]:
    """What there is to look at. A partition without a bound had nothing left at the page before."""
    if not partitions:
        return []
    first, end = await kafka.beginning_offsets(partitions), await kafka.end_offsets(partitions)
    tails = [_Tail(one, first[one], sys.maxsize, end[one]) for one in partitions]
    if below is not None:
        for tail in tails:
            bound = below.get((source_of(tail.partition.topic), tail.partition.partition), tail.first)
            tail.end = bound
    return [tail for tail in tails if tail.first < min(tail.end, tail.known)]


async def _search(
    kafka: AIOKafkaConsumer, tails: Sequence[_Tail], wanted: Wanted, limit: int
) -> list[Summary]:
    clock = asyncio.get_running_loop().time
    late = clock() + PATIENCE
    found: list[Summary] = []
    looked = 0
    while len(found) < limit and looked < LOOKED and clock() < late:
        if empty := {one.partition: one for one in tails if not one.read and one.first < one.end}:
            windows = {partition: tail.window for partition, tail in empty.items()}
            for partition, read in (await _read(kafka, windows, summary)).items():
                empty[partition].refill(read)
            continue
        ready = [one for one in tails if one.read]
        if not ready:
            break
        tail = max(ready, key=lambda one: one.read[-1].time)
        letter = tail.take()
        looked += 1
        if wanted.too_old(letter):
            tail.close()
        elif wanted.matches(letter):
            found.append(letter)
    return found


async def _read(
    kafka: AIOKafkaConsumer, windows: Mapping[TopicPartition, range], take: Callable[[ConsumerRecord], T]
) -> dict[TopicPartition, list[T]]:
    """What lies at these offsets, and what is fetched along with it from behind, oldest first.

    Args:
        take: sees a record before more are fetched, and keeps what it needs.
    """
    kafka.assign(list(windows))
    for partition, window in windows.items():
        kafka.seek(partition, window.start)
    taken: dict[TopicPartition, list[T]] = {partition: [] for partition in windows}
    unfinished = set(windows)
    while unfinished:
        batches = await kafka.getmany(*unfinished, timeout_ms=200)
        for partition, records in batches.items():
            taken[partition] += [take(one) for one in records]
        finished = {one for one in unfinished if await kafka.position(one) >= windows[one].stop}
        kafka.pause(*finished)
        unfinished -= finished
    return taken


def _whole(record: ConsumerRecord) -> ConsumerRecord:
    return record
