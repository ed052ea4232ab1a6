"""Reads whole streams and single messages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import BinaryIO

from onenet_monitor.flows.formats.inflate import BrokenOff, chunks
from onenet_monitor.flows.formats.reading import Reading, Refusal, merged
from onenet_monitor.flows.formats.recognise import recognise

LIMIT = 128 << 20
"""Bytes of content that one message may have; a small one that inflates to more is cut there."""


def readings(stream: BinaryIO, now: datetime, limit: int | None = None) -> Iterator[Reading]:
    """What a stream comes to, piece by piece, so that a file of any size takes some tens of megabytes.

    Args:
        stream: text or JSON, compressed with gzip or not, in one format.
        now: what is later than this, and some minutes, is refused.
        limit: bytes of content, after which the rest is refused; None: none.
    """
    pieces = chunks(stream, limit)
    try:
        first = next(pieces, b"")
    except BrokenOff as broken:
        yield Reading.refusal(Refusal.of(broken.reason, b""))
        return
    if not first:
        return
    format_readings = recognise(first)
    if format_readings is None:
        yield Reading.refusal(Refusal.of("unknown", first))
        return
    yield from format_readings(chain([first], pieces), now)


def read(value: bytes, now: datetime, limit: int = LIMIT) -> Reading:
    """What one message comes to; arguments as of ``readings``."""
    return merged(readings(io.BytesIO(value), now, limit))
