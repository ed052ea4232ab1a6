"""Which networks a running stack knows, and which of them are connected: read from its topics."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from onenet_common.envelope import Message, decode
from onenet_common.errors import Malformed
from onenet_common.events import CONNECTIONS, INVENTORY, ResourceChanged, ResourceDiscovered
from onenet_common.projection import rebuild
from onenet_common.states import State
from onenet_local.traffic.networks import Network

TIMEOUT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Landscape:
    """Networks, and pairs of places in them that a connection joins."""

    networks: tuple[Network, ...]
    links: tuple[tuple[int, int], ...]


async def landscape(kafka: str) -> Landscape:
    """What the topics say until now.

    Args:
        kafka: ``host:port`` of the broker.
    """
    networks: dict[str, Network] = {}
    async with aclosing(_messages(kafka, INVENTORY)) as messages:
        async for message in messages:
            if isinstance(message.event, ResourceDiscovered | ResourceChanged):
                network = Network.of(message.event.resource.model_dump(mode="json"))
                networks[network.id] = network
    async with aclosing(_messages(kafka, CONNECTIONS)) as messages:
        connections = rebuild([message async for message in messages])
    places = {name: place for place, name in enumerate(networks)}
    links = {
        (places[one.wish.left.native_id], places[one.wish.right.native_id])
        for one in connections.values()
        if one.state is State.ESTABLISHED
        and one.wish is not None
        and {one.wish.left.native_id, one.wish.right.native_id} <= places.keys()
    }
    return Landscape(tuple(networks.values()), tuple(sorted(links)))


async def _messages(kafka: str, topic: str) -> AsyncGenerator[Message, None]:
    """Every event on a topic, up to the end that it had when asked."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        left = {partition for partition, end in ends.items() if end > 0}
        while left:
            found = await consumer.getmany(*left, timeout_ms=TIMEOUT_MS)
            if not found:
                return  # compaction took the last records of what is left
            for partition, records in found.items():
                for record in records:
                    if (message := _read(record.value, record.headers)) is not None:
                        yield message
                if records[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
    finally:
        await consumer.stop()


def _read(value: bytes | None, headers: list[tuple[str, bytes]]) -> Message | None:
    try:
        return decode(value, headers)
    except Malformed:
        return None
