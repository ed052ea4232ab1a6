"""Which format some bytes are in, by looking at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from onenet_monitor.flows.formats import aws, azure, gcp, pmacct
from onenet_monitor.flows.formats.aws_header import DEFAULT, Header
from onenet_monitor.flows.formats.reading import Reading

Readings = Callable[[Iterable[bytes], datetime], Iterator[Reading]]

HEAD = 64 << 10
"""Bytes that are looked at; a format that shows only later is not known."""

_MARKS: tuple[tuple[bytes, Readings], ...] = (
    (b'"flowRecords"', azure.readings),
    (b'"jsonPayload"', gcp.readings),
    (b'"event_type"', pmacct.readings),
    (b'"ip_src"', pmacct.readings),
)


def recognise(content: bytes) -> Readings | None:
    """How to read content that begins so; None when nobody knows."""
    head = content[:HEAD]
    for mark, readings in _MARKS:
        if mark in head:
            return readings
    if any(_is_aws(line) for line in head.split(b"\n")):
        return aws.readings
    return None


def _is_aws(line: bytes) -> bool:
    return DEFAULT.fits(line) or Header.of(line.decode("utf-8", "replace").rstrip("\r")) is not None
