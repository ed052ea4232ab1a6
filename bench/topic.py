"""What the bus has said of connections that were established."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from onenet_common.events import CONNECTIONS, ConnectionEstablished

TIMEOUT = 60.0
"""Seconds for reading the whole topic."""


@dataclass(frozen=True, slots=True)
class Published:
    """How often something was said.

    Args:
        records: on the topic, redeliveries included.
        events: with an id of their own; consumers drop what repeats one.
        connections: that they are about.
    """

    records: int
    events: int
    connections: int


async def established_on(kafka: str) -> Published:
    """Read the whole topic of connections as it is now."""
    async with asyncio.timeout(TIMEOUT), aclosing(_headers(kafka)) as records:
        said = [
            (headers["ce_subject"], headers["ce_id"])
            async for headers in records
            if headers["ce_type"] == ConnectionEstablished.type.encode()
        ]
    return Published(len(said), len(set(said)), len({subject for subject, _ in said}))


async def _headers(kafka: str) -> AsyncGenerator[dict[str, bytes], None]:
    """Every record's headers, up to the end that the topic had when asked."""
    consumer = AIOKafkaConsumer(
        CONNECTIONS, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        left = {partition for partition, end in ends.items() if end > 0}
        while left:
            for partition, records in (await consumer.getmany(*left, timeout_ms=1_000)).items():
                for record in records:
                    yield dict(record.headers)
                if records[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
    finally:
        await consumer.stop()
