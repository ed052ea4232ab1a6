"""Delivers what is due, many at once, in every replica."""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from onenet_api.webhooks import queue, schedule, signing
from onenet_api.webhooks.queue import Delivery
from onenet_api.webhooks.schedule import Outcome
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender, Sent
from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.durations import duration
from onenet_common.errors import Permanent
from onenet_common.notifications import Listener
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_deliveries = meter.create_counter(
    "onenet.webhooks.deliveries", description="Attempts to deliver, by outcome"
)
_seconds = duration("onenet.webhooks.duration", "One attempt to deliver, by outcome")

SLOTS = 16
"""Deliveries that one process makes at once."""
POLL = 1.0
"""Seconds between looks when nobody wakes us: leases end and pauses pass in silence."""
MARGIN = 5.0
"""Seconds of a lease beyond what an attempt may take."""


class Deliveries:
    """A component.

    Args:
        patience: seconds for which a delivery is tried before its webhook is given up.
    """

    def __init__(self, database: Database, sender: Sender, seals: Seals, *, patience: float) -> None:
        self._database = database
        self._sender = sender
        self._seals = seals
        self._patience = patience
        self._lease = sender.timeout + MARGIN
        self._woken = asyncio.Event()
        self._listener = Listener(database, queue.CHANNEL, lambda _: self._woken.set())
        self._working = Background("deliver to webhooks", self._work, longest_pause=2.0)
        self._claimed_at = 0.0
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for outcome in Outcome:
            # A series that begins with its first failure shows no increase.
            _deliveries.add(0, {"outcome": outcome})
        await self._listener.start()
        self._working.start()

    async def stop(self) -> None:
        """Finish what is under way within four seconds; what is not finished is delivered again."""
        await self._listener.stop()
        self._woken.set()
        await self._working.stop(grace=0.5)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=4)
        for task in self._under_way:
            task.cancel()

    async def _work(self) -> None:
        while not self._working.stopping.is_set():
            self._woken.clear()
            free = SLOTS - len(self._under_way)
            claimed = await self._claim(free) if free else []
            for delivery in claimed:
                task = asyncio.create_task(self._deliver(delivery, self._claimed_at))
                self._under_way.add(task)
                task.add_done_callback(self._done)
            if not claimed:
                await self._rest()

    async def _claim(self, limit: int) -> list[Delivery]:
        self._claimed_at = time.monotonic()
        async with self._database.transaction() as connection:
            return await queue.claim(connection, limit, lease=self._lease)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), POLL * random.uniform(0.9, 1.1))
        except TimeoutError:
            return

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        # The next one of the same connection may be due now.
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("delivery.unsettled", error=repr(error))

    async def _deliver(self, delivery: Delivery, claimed_at: float) -> None:
        if time.monotonic() - claimed_at > MARGIN:
            return  # stopped in between: the lease may end before the attempt does
        sent = await self._send(delivery)
        outcome = schedule.outcome(sent, tried_for=delivery.tried_for, patience=self._patience)
        pause = schedule.pause(delivery.attempts, sent.retry_after, random.random())
        async with self._database.transaction() as connection:
            await queue.settle(connection, delivery, sent, outcome, pause)
        _deliveries.add(1, {"outcome": outcome})
        _seconds.record(sent.seconds, {"outcome": outcome})

    async def _send(self, delivery: Delivery) -> Sent:
        try:
            sealed = [one for one in (delivery.secret, delivery.previous) if one is not None]
            keys = [self._seals.unseal(one) for one in sealed]
        except Permanent as error:
            return Sent(None, f"the webhook's secret cannot be read: {error.reason}", 0.0)
        return await post(self._sender, delivery.url, str(delivery.event_id), delivery.body, keys)


async def post(sender: Sender, url: str, message_id: str, body: str, keys: list[str]) -> Sent:
    """One signed delivery."""
    content = body.encode()
    signed = signing.headers(message_id, int(time.time()), content, keys)
    return await sender.post(
        url, {"content-type": "application/json", "user-agent": "OneNet-Webhooks/1", **signed}, content
    )
