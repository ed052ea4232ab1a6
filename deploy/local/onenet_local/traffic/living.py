"""Made-up traffic that follows the stack: of its networks and connections as they come and go."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from onenet_common.background import Background
from onenet_local.traffic.delivering import Delivery
from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.generator import Anomalies, Traffic
from onenet_local.traffic.landscape import Follower
from onenet_local.traffic.sending import put

EVERY = 5
"""Seconds of traffic in one go: the map need not be faster, and each go costs whoever counts it."""


class Living:
    """Sends what would have been observed, in AWS's format, until stopped.

    What a broker that was away did not get is lost, as with many an exporter; so is what a cloud did not get.

    Args:
        kafka: ``host:port`` of the broker.
        rate: observations a second.
        seed: another one makes another traffic.
        every: seconds of traffic in one go.
        delivery: takes it instead of the broker, as AWS would deliver it.
    """

    def __init__(
        self,
        kafka: str,
        *,
        rate: int,
        seed: int = 1,
        every: int = EVERY,
        delivery: Delivery | None = None,
    ) -> None:
        self._kafka = kafka
        self._rate = rate
        self._seed = seed
        self._every = every
        self._delivery = delivery
        self._follower = Follower(kafka)
        self._producer: AIOKafkaProducer | None = None
        self._sending = Background("send traffic", self._round)

    async def start(self) -> None:
        await self._follower.start()
        self._producer = AIOKafkaProducer(bootstrap_servers=self._kafka)
        await self._producer.start()
        self._sending.start()

    async def stop(self) -> None:
        await self._sending.stop()
        if self._producer is not None:
            await self._producer.stop()
        if self._delivery is not None:
            self._delivery.close()
        await self._follower.stop()

    async def _round(self) -> None:
        begin = int(time.time())
        await self._follower.listen(self._every)
        # A connection that was established meanwhile did not carry what came before.
        seen = self._follower.known.landscape(datetime.fromtimestamp(begin, UTC))
        if not seen.networks or self._producer is None:
            return
        traffic = Traffic(seen.networks, seen.links, self._seed, Anomalies())
        window = traffic.window(begin, self._every, self._rate * self._every)
        if self._delivery is not None:
            await self._delivery.put(seen.networks, window, datetime.now(UTC))
        else:
            await put(self._producer, window, FORMATS["aws"])
