"""What a topic holds, for whoever reads it from its beginning."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord

from tests.e2e.estate import PATIENCE


async def records(kafka: str, topic: str) -> list[ConsumerRecord]:
    """All that it held when asked; those of one key in order."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    found: list[ConsumerRecord] = []
    async with consumer, asyncio.timeout(PATIENCE):
        ends = await consumer.end_offsets(consumer.assignment())
        while [one for one, end in ends.items() if await consumer.position(one) < end]:
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                found += batch
    return found


async def event_ids(kafka: str, topic: str) -> set[str]:
    """The ids of all events that it held when asked."""
    headers = [dict(record.headers) for record in await records(kafka, topic)]
    return {told["ce_id"].decode() for told in headers if "ce_id" in told}
