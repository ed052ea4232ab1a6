"""One file, from its bucket to the topic, every message once in effect.

Messages are acknowledged before that is recorded, and the file is recorded as ended before its
notification is deleted. So whatever dies on the way, what may come twice is the one batch that was not
recorded; it comes with the identities that it had, by which those who count records drop it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from onenet_common.durations import LONG, duration
from onenet_common.events import FLOWS
from onenet_common.producer import Outgoing
from onenet_common.telemetry import meter
from onenet_monitor.collector.exporters import exporter_of
from onenet_monitor.collector.extracting import Extraction
from onenet_monitor.collector.files import Files
from onenet_monitor.collector.identities import File
from onenet_monitor.collector.notifications import Delivered
from onenet_monitor.collector.outcomes import Outcome
from onenet_monitor.collector.source import Download, Store

BATCH = 4
"""Messages that are acknowledged together: 2 MB at most in hand for each file."""

_bytes = meter.create_counter("onenet.collector.published", unit="By", description="Text put on the topic")
_overlong = meter.create_counter("onenet.collector.overlong", description="Lines that no message could hold")
_reading = duration("onenet.collector.file.duration", "Reading and publishing one file", bounds=LONG)
_delay = duration("onenet.collector.delay", "From a file's delivery to its last message", bounds=LONG)


class Interrupted(Exception):
    """The service ends; what was published until here is recorded."""


class Sender(Protocol):
    """What publishes; ``onenet_common.producer.Producer`` does."""

    async def send(self, records: Sequence[Outgoing]) -> None: ...


class Publisher:
    """Publishes files.

    Args:
        largest: bytes of text after which the rest of a file is left out.
        stopping: whether to break off after the batch in hand.
    """

    def __init__(
        self, store: Store, files: Files, producer: Sender, *, largest: int, stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._files = files
        self._producer = producer
        self._largest = largest
        self._stopping = stopping

    async def publish(self, found: Delivered) -> Outcome:
        """Put what is good of a file on the topic, unless that has been done.

        Raises:
            Refused: the file cannot be had.
            Transient: bucket, broker or database are away; to be called again.
            Interrupted: the service ends.
        """
        exporter = exporter_of(found.key)
        if exporter is None:
            return Outcome.UNKNOWN_EXPORTER
        async with self._store.download(found) as download:
            progress = await self._files.begin(download.file, exporter)
            if progress.ended:
                return Outcome.REPEATED
            started = time.perf_counter()
            outcome = await self._read(download, exporter, progress.chunks)
        _reading.record(time.perf_counter() - started)
        _delay.record(max(0.0, (datetime.now(UTC) - download.written_at).total_seconds()))
        return outcome

    async def _read(self, download: Download, exporter: str, published: int) -> Outcome:
        extraction = Extraction(largest=self._largest)
        batch: list[Outgoing] = []
        number = 0
        async with aclosing(_messages(download, extraction)) as messages:
            async for text in messages:
                number += 1
                if number <= published:
                    continue
                batch.append(_record(download.file, number - 1, exporter, text))
                if len(batch) == BATCH:
                    await self._send(batch)
                    await self._files.advance(download.file, number)
                    batch = []
                    if self._stopping():
                        raise Interrupted
        await self._send(batch)
        outcome = Outcome(extraction.damage) if extraction.damage else Outcome.READ
        await self._files.end(download.file, number, outcome)
        _overlong.add(extraction.overlong)
        return outcome

    async def _send(self, batch: Sequence[Outgoing]) -> None:
        await self._producer.send(batch)
        _bytes.add(sum(len(record.value or b"") for record in batch))


async def _messages(download: Download, extraction: Extraction) -> AsyncGenerator[bytes, None]:
    async for block in download.blocks:
        for text in extraction.feed(block):
            yield text
        if extraction.damage:
            break
    for text in extraction.finish():
        yield text


def _record(file: File, number: int, exporter: str, text: bytes) -> Outgoing:
    headers = {"onenet_id": str(file.chunk(number)), "onenet_file": file.address, "onenet_chunk": str(number)}
    return Outgoing(
        FLOWS, exporter.encode(), text, [(name, value.encode()) for name, value in headers.items()]
    )
