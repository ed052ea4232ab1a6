"""Up to where each partition is counted: the database says, never Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition

from onenet_common.database import Database
from onenet_common.settings import Settings
from onenet_monitor.flows import store
from onenet_monitor.flows.store import Overtaken, Stretch

log = structlog.get_logger(__name__)

LOOK = 2.0
"""Seconds to wait for a record that may not be there."""


class Positions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Our partitions and their next offsets; lost with each rebalance, and found in the database."""

    def __init__(self, settings: Settings, database: Database, topic: str) -> None:
        self._settings = settings
        self._database = database
        self._topic = topic
        self._seen: dict[int, int] = {}
        self.next: dict[int, int] | None = None

    async def on_partitions_revoked(self, revoked: object) -> None:
        self.next = None

    async def on_partitions_assigned(self, assigned: object) -> None:
        self.next = None

    def forget(self) -> None:
        """Look again before anything else is counted."""
        self.next = None

    async def find(self, kafka: AIOKafkaConsumer) -> None:
        """Go on where the database says.

        Raises:
            Transient: when the database is away.
            KafkaError: when the broker is.
        """
        ours = kafka.assignment()
        beginnings = _by_partition(await kafka.beginning_offsets(ours))
        ends = _by_partition(await kafka.end_offsets(ours))
        known = await store.offsets(self._database, self._topic, beginnings)
        for partition, offset in known.items():
            if ends[partition] < offset and not await self._has(partition, offset - 1):
                await self._begin_again(Stretch(self._topic, partition, offset, beginnings[partition]))
                known[partition] = beginnings[partition]
            elif offset < beginnings[partition]:
                log.error(
                    "flows.expired", partition=partition, next_offset=offset, begins=beginnings[partition]
                )
        for partition, offset in known.items():
            kafka.seek(TopicPartition(self._topic, partition), offset)
        # A rebalance may have come in between; the next look at what is assigned tells.
        self.next = known if kafka.assignment() == ours else None

    def check(self, behind: Mapping[int, int]) -> None:
        """Look again when a partition seems to end before what is counted, unless we have just looked."""
        known = self.next or {}
        suspicious = [partition for partition, records in behind.items() if records < 0]
        if any(self._seen.get(partition) != known.get(partition, 0) - 1 for partition in suspicious):
            self.forget()

    def stretches(self, records: Sequence[ConsumerRecord]) -> list[Stretch]:
        """What counting these records moves.

        Raises:
            Overtaken: a partition may be somebody else's by now.
        """
        last = {record.partition: record.offset for record in records}
        known = self.next or {}
        if not last.keys() <= known.keys():
            raise Overtaken("there was a rebalance")
        return [Stretch(self._topic, part, known[part], offset + 1) for part, offset in last.items()]

    def move(self, counted: Sequence[Stretch]) -> None:
        """Take note of what is counted, unless all is to be looked up anyway."""
        if self.next is not None:
            self.next |= {one.partition: one.end for one in counted}

    def left(self, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """Those that are still to be counted; none when it is not known."""
        known = self.next or {}
        return [one for one in records if one.partition in known and one.offset >= known[one.partition]]

    def fit(self, records: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> bool:
        """Whether these follow what is counted, with nothing counted among them."""
        known = self.next
        return known is not None and all(
            tp.partition in known and some[0].offset >= known[tp.partition] for tp, some in records.items()
        )

    async def _begin_again(self, stretch: Stretch) -> None:
        log.error(
            "flows.topic_lost",
            topic=stretch.topic,
            partition=stretch.partition,
            next_offset=stretch.first,
            begins=stretch.end,
        )
        await store.restart(self._database, stretch)

    async def _has(self, partition: int, offset: int) -> bool:
        """Whether there is such a record: the embedded broker's ends are lower than they should be."""
        at = TopicPartition(self._topic, partition)
        kafka = AIOKafkaConsumer(**self._settings.kafka_access(), group_id=None, auto_offset_reset="earliest")
        await kafka.start()
        try:
            kafka.assign([at])
            kafka.seek(at, offset)
            found = await kafka.getmany(at, timeout_ms=int(LOOK * 1000), max_records=1)
            has = any(record.offset == offset for record in found.get(at, ()))
            self._seen |= {partition: offset} if has else {}
            return has
        finally:
            await kafka.stop()


def _by_partition(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {at.partition: offset for at, offset in offsets.items()}
