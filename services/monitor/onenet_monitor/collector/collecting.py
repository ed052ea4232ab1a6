"""From the queue to the topic: many messages at once, each hidden from others while it is in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog

from onenet_common.background import Background
from onenet_common.errors import Malformed, OneNetError, Transient
from onenet_common.telemetry import meter
from onenet_monitor.collector.errors import CloudAway, Refused
from onenet_monitor.collector.notifications import Delivered, delivered
from onenet_monitor.collector.outcomes import Outcome
from onenet_monitor.collector.publishing import Interrupted
from onenet_monitor.collector.source import Letter, Queue

TRIES = 5
"""Of a file that its bucket does not give; then the queue shall say when it is tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two tries of a file."""

GRACE = 6.0
"""Seconds in which work in hand may come to its next stop when the service ends."""

log = structlog.get_logger(__name__)
_outcomes = meter.create_counter("onenet.collector.files", description="Files that were told of, by outcome")
_age = meter.create_gauge(
    "onenet.collector.queue.age",
    unit="s",
    description="How long the message taken last had waited; 0 when none was there",
)
_in_hand = meter.create_up_down_counter("onenet.collector.in_hand", description="Messages in hand")

Publish = Callable[[Delivered], Awaitable[Outcome]]


class Collector:
    """Workers that each take one message after the other.

    While broker or database are away, they keep what they have in hand and take nothing more: given back,
    it would use up the tries that the queue's redrive policy counts.

    Args:
        hidden: seconds for which a message is hidden; it is hidden again before they are over.
    """

    def __init__(self, queue: Queue, publish: Publish, *, hidden: float, concurrency: int) -> None:
        self._queue = queue
        self._publish = publish
        self._hidden = hidden
        self._workers = [Background(f"collect {number}", self._collect) for number in range(concurrency)]
        self._ending = asyncio.Event()
        for outcome in Outcome:
            # A series that begins with its first failure shows no increase.
            _outcomes.add(0, {"outcome": outcome.value})

    def stopping(self) -> bool:
        """Whether work in hand is to be left to others."""
        return self._ending.is_set()

    async def start(self) -> None:
        for worker in self._workers:
            worker.start()

    async def stop(self) -> None:
        """Break off after the batches in hand, and give their messages back."""
        self._ending.set()
        await asyncio.gather(*(worker.stop(GRACE) for worker in self._workers))

    async def _collect(self) -> None:
        letter = await self._received()
        if not self.stopping():
            _age.set(_waited(letter))
        if letter is None:
            return
        _in_hand.add(1)
        try:
            async with self._hiding(letter):
                outcomes = await self._outcomes(letter)
            await self._dispose(letter, outcomes)
        finally:
            _in_hand.add(-1)

    async def _received(self) -> Letter | None:
        """The next message, unless the service ends before there is one."""
        receiving = asyncio.ensure_future(self._queue.receive())
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({receiving, ending}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else None
        finally:
            receiving.cancel()
            ending.cancel()

    async def _outcomes(self, letter: Letter) -> list[Outcome]:
        try:
            found = delivered(letter.body)
        except Malformed as error:
            log.warning("collector.malformed", message=letter.id, error=error.reason)
            return [_counted(Outcome.MALFORMED)]
        if not found:
            return [_counted(Outcome.NOTHING_TO_READ)]
        return [_counted(await self._outcome(one)) for one in found]

    async def _outcome(self, found: Delivered) -> Outcome:
        tries = 0
        while not self.stopping():
            try:
                outcome = await self._publish(found)
            except Interrupted:
                break
            except Refused as error:
                _tell(found, error)
                return Outcome(error.code)
            except Transient as error:
                tries += 1
                _tell(found, error)
                if isinstance(error, CloudAway) and tries == TRIES:
                    return Outcome.FAILED
                await self._rest(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)))
            else:
                if outcome not in (Outcome.READ, Outcome.REPEATED):
                    log.warning("collector.left_out", bucket=found.bucket, key=found.key, outcome=outcome)
                return outcome
        return Outcome.INTERRUPTED

    async def _dispose(self, letter: Letter, outcomes: list[Outcome]) -> None:
        if all(outcome.settled for outcome in outcomes):
            await self._queue.delete(letter)
        elif Outcome.INTERRUPTED in outcomes:
            await self._queue.release(letter)

    @asynccontextmanager
    async def _hiding(self, letter: Letter) -> AsyncIterator[None]:
        """Hide the message from others as long as the block takes."""
        hiding = asyncio.create_task(self._hide(letter))
        try:
            yield
        finally:
            hiding.cancel()
            await asyncio.wait({hiding})

    async def _hide(self, letter: Letter) -> None:
        """Should it not stay hidden, another one reads the same file, and what both publish counts once."""
        while True:
            await asyncio.sleep(self._hidden / 3)
            try:
                await self._queue.hide(letter)
            except OneNetError as error:
                log.warning("collector.not_hidden", message=letter.id, error=error.reason)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)


def _waited(letter: Letter | None) -> float:
    """Seconds; the two clocks may differ."""
    if letter is None or letter.sent_at is None:
        return 0.0
    return max(0.0, (datetime.now(UTC) - letter.sent_at).total_seconds())


def _counted(outcome: Outcome) -> Outcome:
    _outcomes.add(1, {"outcome": outcome.value})
    return outcome


def _tell(found: Delivered, error: OneNetError) -> None:
    log.warning(
        "collector.refused", bucket=found.bucket, key=found.key, error=error.reason, error_code=error.code
    )
