"""From what lies on the topic to sums: read, attribute, add up. Pure; it takes a core for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from aiokafka import ConsumerRecord

from onenet_monitor.flows import buckets
from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.formats import Reading, Refusal, read_all
from onenet_monitor.flows.formats.reading import spread

EXPORTER = "onenet_exporter"
"""The header that names the exporter instead of the key."""

GZIP = b"\x1f\x8b"

LATE = "late"
"""Why a good record is refused: its minute is past its retention."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What some messages come to.

    Args:
        minutes, dependencies: as of ``buckets``.
        records: counted, by kind.
        ambiguous: of those, how many have an end that several networks claim.
        refused, skipped: lines, by reason.
        samples: some of the refused.
    """

    minutes: pl.DataFrame
    dependencies: pl.DataFrame
    records: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    samples: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one portion comes to; ``named`` as of ``Index.name``."""

    named: pl.DataFrame
    kinds: Counter[str]
    ambiguous: int
    refused: Counter[str]
    skipped: Counter[str]
    samples: Sequence[Refusal]


def summarise(
    messages: Iterable[ConsumerRecord], index: Index, *, now: datetime, oldest: datetime, size: int
) -> Summary:
    """Read, attribute and add up, a portion at a time: of each, only its sums are held until the end.

    Args:
        now: what starts later, and some minutes, is refused.
        oldest: what starts earlier is refused.
        size: of a portion, in bytes; see ``portions``.
    """
    parts = [_part(one, index, now, oldest) for one in portions(messages, size)]
    if not parts:
        return Summary(*buckets.nothing())
    minutes = buckets.minutes([part.named for part in parts])
    return Summary(
        minutes,
        buckets.dependencies(minutes),
        records=sum((part.kinds for part in parts), Counter()),
        ambiguous=sum(part.ambiguous for part in parts),
        refused=sum((part.refused for part in parts), Counter()),
        skipped=sum((part.skipped for part in parts), Counter()),
        samples=spread(sample for part in parts for sample in part.samples),
    )


def _part(messages: Sequence[ConsumerRecord], index: Index, now: datetime, oldest: datetime) -> _Part:
    reading = _read(messages, now)
    kept = reading.frame.filter(pl.col("start") >= oldest)
    named = index.name(buckets.alike(index.place(kept)))
    return _Part(
        named,
        Counter(dict(named.group_by("kind").agg(pl.sum("records")).iter_rows())),
        int(named.filter("ambiguous")["records"].sum()),
        Counter(reading.refused) + Counter({LATE: len(reading.frame) - len(kept)}),
        Counter(reading.skipped),
        reading.samples,
    )


def portions(messages: Iterable[ConsumerRecord], size: int) -> Iterator[list[ConsumerRecord]]:
    """Messages in their order, so many at a time that what they inflate to is about ``size`` bytes."""
    portion: list[ConsumerRecord] = []
    held = 0
    for message in messages:
        portion.append(message)
        held += _inflated(message.value or b"")
        if held >= size:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


def exporter(message: ConsumerRecord) -> str | None:
    """Who wrote a message: its header says, else its key."""
    named = [value for name, value in message.headers if name == EXPORTER and value]
    name = named[-1] if named else message.key
    return name.decode(errors="replace") if name else None


def _inflated(value: bytes) -> int:
    """What gzip's last four bytes say of the size (RFC 1952); the parser does not rely on it."""
    return int.from_bytes(value[-4:], "little") if value[:2] == GZIP else len(value)


def _read(messages: Sequence[ConsumerRecord], now: datetime) -> Reading:
    values = [message.value or b"" for message in messages]
    return read_all(values, now, exporters=[exporter(message) for message in messages])
