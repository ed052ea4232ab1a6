"""Many messages at once.

A table of one record costs as much as one of a thousand, and pmacct writes one record a message: messages
that are alike are read as if they were one, whoever wrote them, as long as their records name their network.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

import polars as pl

from onenet_monitor.flows.formats import gcp, pmacct
from onenet_monitor.flows.formats.aws import Reader
from onenet_monitor.flows.formats.aws_header import Header
from onenet_monitor.flows.formats.inflate import BLOCK, GZIP, BrokenOff, chunks
from onenet_monitor.flows.formats.reading import Reading, merged
from onenet_monitor.flows.formats.reads import LIMIT, read
from onenet_monitor.flows.formats.recognise import HEAD, Readings, recognise
from onenet_monitor.flows.formats.tables import one_a_line

Shape = Header | Readings
"""How to read some content together with other that is alike."""


class _Content(NamedTuple):
    exporter: str | None
    content: bytes


def read_all(
    values: Sequence[bytes],
    now: datetime,
    limit: int = LIMIT,
    *,
    exporters: Iterable[str | None] = repeat(None),
) -> Reading:
    """What many messages come to: the same as each by ``read``, and sooner when they are small and alike.

    Args:
        exporters: by message, whose name is the network of records that name none.
    """
    return merged(_read_all(map(_Content, exporters, values), now, limit))


def _read_all(messages: Iterable[_Content], now: datetime, limit: int) -> Iterator[Reading]:
    shapes: dict[tuple[Shape, str | None], list[_Content]] = defaultdict(list)
    for exporter, value in messages:
        content = _content(value, limit)
        if content is None:
            yield _named(read(value, now, limit), exporter)
        elif (shape := _shape(content)) is None:
            yield _named(read(content, now, limit), exporter)
        else:
            shapes[shape, None if _tells_network(shape) else exporter].append(_Content(exporter, content))
    for (shape, _), alike in shapes.items():
        alike.sort(key=lambda one: one.exporter or "")
        for some in _blocks(alike):
            yield from _together(shape, some, now, limit)


def _content(value: bytes, limit: int) -> bytes | None:
    """The message, inflated; None when it cannot be joined with others."""
    if not value.startswith(GZIP):
        return value if len(value) <= limit else None
    try:
        return b"".join(chunks(io.BytesIO(value), limit))
    except BrokenOff:
        return None


def _shape(content: bytes) -> Shape | None:
    """None when it cannot be joined with others."""
    end = content.find(b"\n", 0, HEAD)
    header = Header.of(content[:end].decode("utf-8", "replace").rstrip("\r")) if end > 0 else None
    if header and header.usable:
        return header
    how = recognise(content)
    return how if how in (gcp.readings, pmacct.readings) and one_a_line(content[:HEAD]) else None


def _tells_network(shape: Shape) -> bool:
    """Whether most records name their network."""
    return shape.has("vpc-id") if isinstance(shape, Header) else shape is gcp.readings


def _blocks(contents: list[_Content]) -> Iterator[list[_Content]]:
    """As many at a time as are worth holding twice."""
    some: list[_Content] = []
    size = 0
    for one in contents:
        some.append(one)
        size += len(one.content)
        if size >= BLOCK:
            yield some
            some, size = [], 0
    if some:
        yield some


def _together(shape: Shape, some: list[_Content], now: datetime, limit: int) -> Iterator[Reading]:
    """What is alike, in one table as far as it is regular and each record's network is known.

    A header in the middle of one must not govern the next one.
    """
    contents = [one.content for one in some]
    if isinstance(shape, Header):
        reading = _under(shape, contents, now)
    else:
        reading = merged(shape([b"\n".join([*contents, b""])], now))
    exporters = {one.exporter for one in some}
    if reading is not None and (len(exporters) == 1 or not reading.frame["network"].null_count()):
        yield _named(reading, some[0].exporter)
    elif len(some) > 1:
        # Few are irregular or name no network; reading each by itself would cost hundreds of times as much.
        half = len(some) // 2
        yield from _together(shape, some[:half], now, limit)
        yield from _together(shape, some[half:], now, limit)
    else:
        yield _named(read(contents[0], now, limit), some[0].exporter)


def _under(header: Header, contents: list[bytes], now: datetime) -> Reading | None:
    """The lines under the header that each begins with, if all are regular."""
    # Views, so that what is read is copied once.
    bodies = (memoryview(one)[one.index(b"\n") + 1 : len(one) - one.endswith(b"\n")] for one in contents)
    return Reader(now, header).fast(b"\n".join(body for body in bodies if body))


def _named(reading: Reading, exporter: str | None) -> Reading:
    if exporter is not None and reading.frame["network"].null_count():
        reading.frame = reading.frame.with_columns(pl.col("network").fill_null(pl.lit(exporter)))
    return reading
