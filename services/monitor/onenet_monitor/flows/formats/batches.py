"""Many messages at once.

pmacct writes one record a message, and a table of one record costs as much as one of a thousand: messages
that are alike are read as if they were one.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from onenet_monitor.flows.formats import gcp, pmacct
from onenet_monitor.flows.formats.aws import Reader
from onenet_monitor.flows.formats.aws_header import Header
from onenet_monitor.flows.formats.inflate import BLOCK, GZIP, BrokenOff, chunks
from onenet_monitor.flows.formats.reading import Reading, merged
from onenet_monitor.flows.formats.reads import LIMIT, read
from onenet_monitor.flows.formats.recognise import HEAD, Readings, recognise
from onenet_monitor.flows.formats.tables import one_a_line


def read_all(values: Sequence[bytes], now: datetime, limit: int = LIMIT) -> Reading:
    """What many messages come to: the same as each by ``read``, and sooner when they are small and alike."""
    return merged(_read_all(values, now, limit))


def _read_all(values: Sequence[bytes], now: datetime, limit: int) -> Iterator[Reading]:
    texts: dict[Header, list[bytes]] = defaultdict(list)
    objects: dict[Readings, list[bytes]] = defaultdict(list)
    for value in values:
        content = _content(value, limit)
        if content is None:
            yield read(value, now, limit)
        elif (header := _header(content)) is not None:
            texts[header].append(content)
        elif (how := _by_line(content)) is not None:
            objects[how].append(content)
        else:
            yield read(content, now, limit)
    for header, alike in texts.items():
        for some in _blocks(alike):
            yield from _under(header, some, now, limit)
    for how, alike in objects.items():
        yield from how((b"\n".join([*some, b""]) for some in _blocks(alike)), now)


def _content(value: bytes, limit: int) -> bytes | None:
    """The message, inflated; None when it cannot be joined with others."""
    if not value.startswith(GZIP):
        return value if len(value) <= limit else None
    try:
        return b"".join(chunks(io.BytesIO(value), limit))
    except BrokenOff:
        return None


def _header(content: bytes) -> Header | None:
    end = content.find(b"\n", 0, HEAD)
    header = Header.of(content[:end].decode("utf-8", "replace").rstrip("\r")) if end > 0 else None
    return header if header and header.usable else None


def _by_line(content: bytes) -> Readings | None:
    how = recognise(content)
    return how if how in (gcp.readings, pmacct.readings) and one_a_line(content[:HEAD]) else None


def _blocks(contents: list[bytes]) -> Iterator[list[bytes]]:
    """As many at a time as are worth holding twice."""
    some: list[bytes] = []
    size = 0
    for content in contents:
        some.append(content)
        size += len(content)
        if size >= BLOCK:
            yield some
            some, size = [], 0
    if some:
        yield some


def _under(header: Header, contents: list[bytes], now: datetime, limit: int) -> Iterator[Reading]:
    # Views, so that what is read is copied once.
    bodies = (memoryview(one)[one.index(b"\n") + 1 : len(one) - one.endswith(b"\n")] for one in contents)
    reading = Reader(now, header).fast(b"\n".join(body for body in bodies if body))
    if reading is not None:
        yield reading
        return
    # One of them is irregular, and a header in its middle must not govern the next one.
    for content in contents:
        yield read(content, now, limit)
