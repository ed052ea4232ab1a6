"""What a dead letter says, and the record that replays it: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, Self
from uuid import UUID, uuid5

from onenet_common import dead_letters
from onenet_common.producer import Outgoing

REPLAYS = UUID("6f1c3a0e-52a1-4c0c-9a0d-3d0f0e9a7b11")
"""The namespace of the ids under which replays are recorded."""

PLACE = r"^[A-Za-z0-9._-]{1,240}:[0-9]{1,6}:[0-9]{1,18}$"


class Record(dead_letters.Record, Protocol):
    """A record of a dead-letter topic; ``timestamp`` in milliseconds."""

    timestamp: int


class Place(NamedTuple):
    """Where a dead letter lies: the topic that it comes from, partition and offset in ``<topic>.dead``."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None when it is no place."""
        if re.fullmatch(PLACE, text) is None:
            return None
        topic, partition, offset = text.split(":")
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Summary:
    """A dead letter without what it holds.

    Args:
        source: topic, partition and offset of the record that could not be processed.
        attempts: how often it failed, 1 until it is replayed.
        cut: the original was too large to be kept whole, so that it cannot be replayed.
    """

    place: Place
    time: datetime
    code: str
    reason: str
    group: str
    source: str
    attempts: int
    event_id: str
    event_type: str
    trace_id: str
    size: int
    cut: bool

    @property
    def identity(self) -> UUID:
        """Of this letter alone, even where a broker that lost its disk counts offsets from 0 again."""
        return uuid5(REPLAYS, f"{self.place}/{self.time.isoformat()}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters to list; None leaves a condition out."""

    topic: str | None = None
    code: str | None = None
    group: str | None = None
    since: datetime | None = None

    def matches(self, letter: Summary) -> bool:
        return self.code in (None, letter.code) and self.group in (None, letter.group)

    def too_old(self, letter: Summary) -> bool:
        return self.since is not None and letter.time < self.since


def summary(record: Record) -> Summary:
    texts = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    trace = texts.get("traceparent", "").split("-")
    return Summary(
        place=Place(dead_letters.source_of(record.topic), record.partition, record.offset),
        time=datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC),
        code=texts.get(dead_letters.CODE, "unknown"),
        reason=texts.get(dead_letters.REASON, ""),
        group=texts.get(dead_letters.GROUP, ""),
        source=texts.get(dead_letters.SOURCE, ""),
        attempts=max(1, dead_letters.attempts(record.headers)),
        event_id=texts.get("ce_id", ""),
        event_type=texts.get("ce_type", ""),
        trace_id=trace[1] if len(trace) == 4 else "",
        size=len(record.value or b""),
        cut=_is_cut(record),
    )


def replay(record: Record) -> Outgoing:
    """The original record, for the topic that the letter lies beside: what a header says of its
    source may be forged. Its event id is the same, so that who has handled it drops it."""
    place = Place(dead_letters.source_of(record.topic), record.partition, record.offset)
    marks = {
        dead_letters.REPLAYED: str(place),
        dead_letters.ATTEMPTS: str(max(1, dead_letters.attempts(record.headers))),
    }
    return Outgoing(
        place.topic,
        record.key,
        record.value,
        dead_letters.original(record.headers) + [(name, text.encode()) for name, text in marks.items()],
    )


def in_order(records: Sequence[Record]) -> list[Record]:
    """Oldest first, as they failed: what shares a key arrives in its order."""
    return sorted(records, key=lambda one: (one.timestamp, one.topic, one.partition, one.offset))


def _is_cut(record: Record) -> bool:
    names = {name for name, _ in record.headers}
    return not names.isdisjoint(dead_letters.CUT) or len(record.key or b"") >= dead_letters.LARGEST_KEY
