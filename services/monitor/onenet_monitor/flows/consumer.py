"""Counting what lies on the topic of flow logs, each record once.

The sums and the offsets up to which they go are one transaction, so that whatever dies, and whoever
else takes the partition meanwhile, nothing counts twice and nothing is left out:

- a crash before the commit: the records are read again from the offset in the database;
- a crash after it, or an answer to it that was lost: the offset in the database is behind them;
- another member counts the same partition: the offset is not where it was, and our part is dropped;
- a collector publishes a part of a file twice: its id is in the inbox, by the same transaction.

What cannot be read costs its line (see ``formats``); a message that breaks the machinery itself is found
by halving and goes to the dead letters. While the database is away nothing moves.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from onenet_common import events
from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.errors import Transient
from onenet_common.producer import Outgoing, Producer
from onenet_common.topics import Topics
from onenet_monitor.flows import buckets, letters, measures, partitions, store
from onenet_monitor.flows.identities import identities, news
from onenet_monitor.flows.knowledge import Knowledge
from onenet_monitor.flows.partitions import Partitioned
from onenet_monitor.flows.positions import Positions
from onenet_monitor.flows.store import Overtaken
from onenet_monitor.flows.summary import Summary, portions, summarise
from onenet_monitor.settings import MonitorSettings

log = structlog.get_logger(__name__)

GROUP = "onenet-monitor-flows"
MEASURE_SECONDS = 5.0
TOGETHER = 3
"""Batches of one transaction when there is more to count: most of their records add to the same sums."""

Records = Sequence[ConsumerRecord]


class FlowConsumer:
    """One member of the group that counts.

    Args:
        minutes: the table whose partitions are made for what comes late.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        database: Database,
        producer: Producer,
        minutes: Partitioned,
        *,
        topic: str = events.FLOWS,
        group: str = GROUP,
    ) -> None:
        self._settings = settings
        self._database = database
        self._producer = producer
        self._minutes = minutes
        self._topic = topic
        self._group = group
        self._knowledge = Knowledge(database)
        self._positions = Positions(settings, database, topic)
        self._consuming = Background(f"count {topic}", self._consume, longest_pause=2.0)
        self._measured: set[int] = set()
        self._most = settings.flow_batch_bytes * TOGETHER

    async def start(self) -> None:
        measures.prepare(self._topic, self._group)
        self._consuming.start()

    async def stop(self) -> None:
        """Finish the batch in hand within five seconds and leave the group."""
        await self._consuming.stop(grace=5)

    async def _consume(self) -> None:
        kafka = self._connect()
        self._positions.forget()
        try:
            # A broker that lost its disks has lost the topics too.
            await Topics(self._settings).create_missing()
            await kafka.start()
            kafka.subscribe([self._topic], listener=self._positions)
            await self._take_batches(kafka)
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"Kafka is unavailable: {error!r}", code="kafka_unavailable") from error
        finally:
            await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=3)

    async def _take_batches(self, kafka: AIOKafkaConsumer) -> None:
        clock = asyncio.get_running_loop().time
        measured_at = clock()
        while not self._consuming.stopping.is_set():
            if self._positions.next is None and kafka.assignment():
                await self._positions.find(kafka)
            for records in portions(await self._gather(kafka), self._most):
                await self._count_until_done(kafka, records)
            if clock() >= measured_at + MEASURE_SECONDS:
                measured_at = clock()
                self._measure(kafka)

    async def _gather(self, kafka: AIOKafkaConsumer) -> Records:
        """What there is, as much as is worth a transaction; nothing when it is not ours to count."""
        clock = asyncio.get_running_loop().time
        gathered: list[ConsumerRecord] = []
        size, until = 0, clock() + self._settings.flow_patience
        while size < self._most and not self._consuming.stopping.is_set():
            batches = await kafka.getmany(timeout_ms=200)
            if not (gathered or self._positions.fit(batches)) or self._positions.next is None:
                self._positions.forget()
                return []
            some = [record for batch in batches.values() for record in batch]
            gathered += some
            size += sum(len(record.value or b"") for record in some)
            if clock() >= until or not gathered:
                break
        return gathered

    def _connect(self) -> AIOKafkaConsumer:
        session = int(self._settings.kafka_session_timeout * 1000)
        return AIOKafkaConsumer(
            **self._settings.kafka_access(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 6,
            rebalance_timeout_ms=session,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=4_000_000,
            fetch_max_bytes=16_000_000,
            # Who may wait for more to be committed with may wait for more to be fetched with.
            fetch_min_bytes=1_000_000,
            fetch_max_wait_ms=int(
                max(self._settings.kafka_fetch_wait, self._settings.flow_patience / 2) * 1000
            ),
        )

    async def _count_until_done(self, kafka: AIOKafkaConsumer, records: Records) -> None:
        pause = 0.1
        while True:
            try:
                return await self._count(records)
            except Overtaken as error:
                log.warning("flows.overtaken", reason=str(error))
                return self._positions.forget()
            except (Transient, asyncpg.PostgresError) as error:
                if self._consuming.stopping.is_set():
                    raise
                log.warning("flows.paused", reason=repr(error))
                self._measure(kafka)
            if self._positions.next is None:
                return None
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 10.0)

    async def _count(self, records: Records) -> None:
        """Count all at once; what cannot be counted is found by halving."""
        if not (left := self._positions.left(records)):
            return None
        try:
            new = news(left, await store.counted(self._database, identities(left)))
            measures.repeated(len(left) - len(new))
            await self._add(left, await self._summarised(new), identities(new))
        except (Transient, Overtaken, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # polars' panics are no Exception; a statement that fails for all is not this message's fault.
            if isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.DataError):
                raise
            if len(left) == 1:
                return await self._give_up(left[0], error)
            half = len(left) // 2
            await self._count(left[:half])
            await self._count(left[half:])

    async def _summarised(self, records: Records) -> Summary:
        index = await self._knowledge.index()
        now = datetime.now(UTC)
        oldest = datetime.combine(self._minutes.oldest(now.date()), datetime.min.time(), UTC)
        return await asyncio.to_thread(
            summarise,
            records,
            index,
            now=now,
            oldest=oldest + timedelta(days=1),
            size=self._settings.flow_batch_bytes,
        )

    async def _add(self, records: Records, summary: Summary, ids: Collection[UUID]) -> None:
        started = time.perf_counter()
        days = summary.minutes["minute"].dt.date().unique().to_list()
        await partitions.make(self._database, self._minutes, days)
        stretches = self._positions.stretches(records)
        await store.add(self._database, stretches, summary.minutes, summary.dependencies, ids)
        self._positions.move(stretches)
        age = time.time() - min(record.timestamp for record in records) / 1000
        measures.counted(summary, time.perf_counter() - started, max(0.0, age))
        await self._show(letters.samples(records[0], summary.samples, self._group))

    async def _show(self, refused: Sequence[Outgoing]) -> None:
        """Samples go to the dead letters once they are counted; those are lost when Kafka is away."""
        try:
            await self._producer.send(refused)
        except Transient as error:
            log.warning("flows.samples_lost", samples=len(refused), reason=error.reason)

    async def _give_up(self, record: ConsumerRecord, error: BaseException) -> None:
        log.error(
            "flows.dead_letter",
            partition=record.partition,
            offset=record.offset,
            reason=str(error),
            exc_info=error,
        )
        await self._producer.send([letters.message(record, error, self._group)])
        stretches = self._positions.stretches([record])
        await store.add(self._database, stretches, *buckets.nothing())
        self._positions.move(stretches)
        measures.dead(self._topic, self._group)

    def _measure(self, kafka: AIOKafkaConsumer) -> None:
        """Show how far behind we are; of a partition that was ours, the one tells that has it now."""
        if self._positions.next is None:
            return
        behind = {
            partition: (kafka.highwater(TopicPartition(self._topic, partition)) or offset) - offset
            for partition, offset in self._positions.next.items()
        }
        self._measured |= behind.keys()
        measures.lag(self._topic, self._group, dict.fromkeys(self._measured, 0) | behind)
        self._positions.check(behind)
