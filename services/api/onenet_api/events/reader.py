"""Reads the topics that owners are told of, in no consumer group: from now on, or what was.

The embedded broker counts of a partition's last batch the first record alone in its end. So the end
is found by reading that last record: what comes along with it belongs to the past.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from onenet_api.events.positions import TOPICS
from onenet_common.errors import Transient
from onenet_common.kafka_settings import KafkaSettings

BATCH = 200
TIMEOUT = 15.0
"""Seconds until Kafka counts as away."""
PATIENCE = 5.0
"""Seconds for the last records to come."""

Offsets = dict[TopicPartition, int]


@asynccontextmanager
async def opened(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, connected.

    Raises:
        Transient: when Kafka is away, also for what the block does with it.
    """
    kafka = AIOKafkaConsumer(
        **settings.kafka_access(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=int(settings.kafka_fetch_wait * 1000),
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            await kafka.start()
        yield kafka
    except (KafkaError, OSError) as error:
        raise Transient(f"events cannot be read: {error!r}", code="kafka_unavailable") from error
    finally:
        await asyncio.wait({asyncio.ensure_future(kafka.stop())}, timeout=3)


async def partitions(settings: KafkaSettings) -> list[TopicPartition]:
    """All partitions of what owners are told of.

    Raises:
        Transient: when Kafka is away.
    """
    admin = AIOKafkaAdminClient(**settings.kafka_access())
    try:
        async with asyncio.timeout(TIMEOUT):
            await admin.start()
            described = await admin.describe_topics(list(TOPICS))
    except (KafkaError, OSError) as error:
        raise Transient(f"topics cannot be described: {error!r}", code="kafka_unavailable") from error
    finally:
        await asyncio.wait({asyncio.ensure_future(admin.close())}, timeout=3)
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]


async def ends(kafka: AIOKafkaConsumer, wanted: Sequence[TopicPartition]) -> Offsets:
    """Where each partition ends now; the consumer stands there afterwards."""
    first, told = await kafka.beginning_offsets(wanted), await kafka.end_offsets(wanted)
    kafka.assign(wanted)
    for partition in wanted:
        kafka.seek(partition, max(first[partition], told[partition] - 1))
    missing = {partition for partition in wanted if first[partition] < told[partition]}
    async with asyncio.timeout(PATIENCE):
        while missing:
            await kafka.getmany(*missing, timeout_ms=100)
            missing = {one for one in missing if await kafka.position(one) < told[one]}
    return {partition: await kafka.position(partition) for partition in wanted}


async def at_time(
    kafka: AIOKafkaConsumer,
    wanted: Collection[TopicPartition],
    moment: datetime,
    end: Mapping[TopicPartition, int],
) -> Offsets:
    """The first offset of each partition whose record is not older; its end where all are."""
    milliseconds = int(moment.timestamp() * 1000)
    found = await kafka.offsets_for_times(dict.fromkeys(wanted, milliseconds))
    return {one: found[one].offset if found.get(one) is not None else end[one] for one in wanted}


async def between(
    kafka: AIOKafkaConsumer, start: Mapping[TopicPartition, int], stop: Mapping[TopicPartition, int]
) -> AsyncIterator[list[ConsumerRecord]]:
    """Records from ``start`` up to ``stop``, without it, in batches, each partition in its order."""
    unfinished = {partition for partition in start if start[partition] < stop[partition]}
    if not unfinished:
        return
    kafka.assign(list(unfinished))
    for partition in unfinished:
        kafka.seek(partition, start[partition])
    while unfinished:
        batches = await kafka.getmany(*unfinished, timeout_ms=200, max_records=BATCH)
        yield [
            record
            for partition, records in batches.items()
            for record in records
            if record.offset < stop[partition]
        ]
        finished = {one for one in unfinished if await kafka.position(one) >= stop[one]}
        kafka.pause(*finished)
        unfinished -= finished
