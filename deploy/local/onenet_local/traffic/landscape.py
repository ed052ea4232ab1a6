"""Which networks a running stack knows, and which of them are connected: read from its topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from onenet_common.connection import Resource
from onenet_common.envelope import Message, decode
from onenet_common.errors import Malformed
from onenet_common.events import (
    CONNECTIONS,
    INVENTORY,
    ConnectionEvent,
    ResourceChanged,
    ResourceDiscovered,
    ResourceGone,
)
from onenet_common.projection import Projected, fold
from onenet_common.states import State
from onenet_local.traffic.networks import Network

TIMEOUT_MS = 1_000
TOPICS = (INVENTORY, CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Landscape:
    """Networks, and pairs of places in them that a connection joins."""

    networks: tuple[Network, ...]
    links: tuple[tuple[int, int], ...]


class Known:
    """What the messages so far tell of networks and connections."""

    def __init__(self) -> None:
        self._networks: dict[UUID, Network] = {}
        self._connections: dict[UUID, Projected] = {}
        self._since: dict[UUID, datetime] = {}

    def learn(self, message: Message) -> None:
        """Take in one message, in the order of its partition; twice is the same as once."""
        event = message.event
        if isinstance(event, ResourceDiscovered | ResourceChanged):
            self._networks[event.resource_id] = _network(event.resource)
        elif isinstance(event, ResourceGone):
            self._networks.pop(event.resource_id, None)
        elif isinstance(event, ConnectionEvent):
            self._follow(event, message.time)

    def landscape(self, at: datetime | None = None) -> Landscape:
        """What there is now; with a time, without the connections that were established later."""
        places = {id_: place for place, id_ in enumerate(self._networks)}
        links = {
            (places[one.wish.left.id], places[one.wish.right.id])
            for one in self._connections.values()
            if one.state is State.ESTABLISHED
            and one.wish is not None
            and {one.wish.left.id, one.wish.right.id} <= places.keys()
            and (at is None or self._since[one.id] <= at)
        }
        return Landscape(tuple(self._networks.values()), tuple(sorted(links)))

    def _follow(self, event: ConnectionEvent, at: datetime) -> None:
        before = self._connections.get(event.connection_id)
        if (after := fold(before, event)) is None:
            return
        self._connections[after.id] = after
        if after.state is not State.ESTABLISHED:
            self._since.pop(after.id, None)
        else:
            self._since.setdefault(after.id, at)


async def landscape(kafka: str) -> Landscape:
    """What the topics say until now.

    Args:
        kafka: ``host:port`` of the broker.
    """
    known = Known()
    for topic in TOPICS:
        async with aclosing(_messages(kafka, topic)) as messages:
            async for message in messages:
                known.learn(message)
    return known.landscape()


class Follower:
    """Follows the topics from their beginning."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self.known = Known()

    async def start(self) -> None:
        self._consumer = AIOKafkaConsumer(
            *TOPICS, bootstrap_servers=self._kafka, group_id=None, auto_offset_reset="earliest"
        )
        await self._consumer.start()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def listen(self, seconds: float) -> None:
        """Learn what comes in these seconds."""
        if self._consumer is None:
            raise RuntimeError("the follower is not started")
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while (left := end - clock()) > 0:
            for records in (await self._consumer.getmany(timeout_ms=int(left * 1000))).values():
                for record in records:
                    if (message := _read(record.value, record.headers)) is not None:
                        self.known.learn(message)


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


def _network(found: Resource) -> Network:
    public = found.public_addresses[0] if found.public_addresses else ""
    return Network(found.native_id, found.account, str(found.subnet), public, found.region)
