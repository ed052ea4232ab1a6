"""Made-up traffic onto the topic, at a rate."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer

from onenet_common.events import FLOWS
from onenet_local.traffic.encoders import Encode
from onenet_local.traffic.exchanges import Exchange
from onenet_local.traffic.generator import Traffic

MESSAGE = 2_000
"""Observations in one message at most."""

TIMEOUT = 15.0
"""Seconds until a send that nobody acknowledged counts as failed."""


async def send(
    kafka: str, traffic: Traffic, encode: Encode, *, rate: int, seconds: float | None = None, every: int = 1
) -> int:
    """Send what is observed now, again and again.

    Args:
        kafka: ``host:port`` of the broker.
        rate: observations a second; most formats write each as two records, one a direction.
        seconds: how long; None: until cancelled.
        every: seconds of traffic in one go.

    Returns:
        How many observations were sent.
    """
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    await producer.start()
    try:
        began = time.monotonic()
        sent = rounds = 0
        while seconds is None or rounds * every < seconds:
            # What falls behind catches up, so that the rate is kept on the whole.
            await asyncio.sleep(began + rounds * every - time.monotonic())
            window = traffic.window(int(time.time()) - every, every, rate * every)
            await put(producer, window, encode)
            sent += len(window)
            rounds += 1
        return sent
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, exchanges: Sequence[Exchange], encode: Encode) -> None:
    """Send these, each network's as its exporter's, and wait until all are acknowledged.

    Raises:
        TimeoutError, KafkaError: the broker did not take them; some may be there.
    """
    async with asyncio.timeout(TIMEOUT):
        under_way = [
            await producer.send(FLOWS, encode(some), key=exporter.encode())
            for exporter, some in messages(exchanges)
        ]
        await asyncio.gather(*under_way)


def messages(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, Sequence[Exchange]]]:
    """What each network's exporter writes, in messages that a broker takes."""
    by_network: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        by_network[exchange.network].append(exchange)
    for network, some in by_network.items():
        for begin in range(0, len(some), MESSAGE):
            yield network, some[begin : begin + MESSAGE]
