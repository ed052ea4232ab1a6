"""From what lies on the topic to sums: read, attribute, add up. Pure; it takes a core for itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from aiokafka import ConsumerRecord

from onenet_monitor.flows import buckets
from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.formats import Reading, Refusal, merged, read_all

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


def summarise(
    messages: Iterable[ConsumerRecord], index: Index, *, now: datetime, oldest: datetime
) -> Summary:
    """Read, attribute and add up.

    Args:
        now: what starts later, and some minutes, is refused.
        oldest: what starts earlier is refused.
    """
    reading = _read(messages, now)
    kept = reading.frame.filter(pl.col("start") >= oldest)
    refused: Counter[str] = Counter(reading.refused)
    if late := len(reading.frame) - len(kept):
        refused[LATE] = late
    attributed = index.attribute(kept)
    minutes = buckets.minutes(attributed)
    kinds = attributed["kind"].value_counts()
    return Summary(
        minutes,
        buckets.dependencies(minutes),
        records=Counter(dict(kinds.iter_rows())),
        ambiguous=int(attributed["ambiguous"].sum()),
        refused=refused,
        skipped=Counter(reading.skipped),
        samples=reading.samples,
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


def _read(messages: Iterable[ConsumerRecord], now: datetime) -> Reading:
    """Those of one exporter together: its name is the network of records that name none."""
    values: dict[str | None, list[bytes]] = defaultdict(list)
    for message in messages:
        values[exporter(message)].append(message.value or b"")
    return merged(_named(read_all(one, now), name) for name, one in values.items())


def _named(reading: Reading, name: str | None) -> Reading:
    reading.frame = reading.frame.with_columns(pl.col("network").fill_null(pl.lit(name, pl.String)))
    return reading
