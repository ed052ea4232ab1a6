"""Which format some bytes are in, by looking at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from onenet_monitor.flows.formats import aws, azure, gcp, pmacct
from onenet_monitor.flows.formats.aws_header import DEFAULT, Header
from onenet_monitor.flows.formats.reading import Reading

Readings = Callable[[Iterable[bytes], datetime], Iterator[Reading]]

HEAD = 64 << 10
"""Bytes that are looked at; a format that shows only later is not known."""

_MARKS: Mapping[bytes, Readings] = {
    b'"flowRecords"': azure.readings,
    b'"records"': azure.readings,
    b'"jsonPayload"': gcp.readings,
    b'"event_type"': pmacct.readings,
    b'"ip_src"': pmacct.readings,
}
"""What only one format has; the one that is first in the content decides."""


def recognise(content: bytes) -> Readings | None:
    """How to read content that begins so; None when nobody knows."""
    head = content[:HEAD]
    found = {place: mark for mark in _MARKS if (place := head.find(mark)) >= 0}
    if found:
        return _MARKS[found[min(found)]]
    return aws.readings if any(_is_aws(line) for line in head.split(b"\n")) else None


def _is_aws(line: bytes) -> bool:
    return DEFAULT.fits(line) or Header.of(line.decode("utf-8", "replace").rstrip("\r")) is not None
