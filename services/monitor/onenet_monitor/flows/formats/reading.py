"""What reading flow logs comes to: canonical records, and what was refused and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "start": pl.Datetime("us", "UTC"),
    "end": pl.Datetime("us", "UTC"),
    "network": pl.String,
    "account": pl.String,
    "src": pl.String,
    "dst": pl.String,
    "src_port": pl.UInt16,
    "dst_port": pl.UInt16,
    "protocol": pl.UInt8,
    "packets": pl.Int64,
    "bytes": pl.Int64,
    "flows": pl.Int64,
    "accepted": pl.Boolean,
    "egress": pl.Boolean,
}
SCHEMA = pl.Schema(_TYPES)
"""The canonical record. Only ``network``, ``account`` and ``egress`` may be null."""

Reason = Literal[
    "unknown",  # no format that is known
    "gzip",  # compressed data that breaks off or is damaged
    "oversize",  # a line or object that is too long, or what comes after the limit of a message
    "header",  # a line under no header, or under one without addresses or times
    "fields",  # too many or too few fields, or JSON of another shape
    "action",  # neither accepted nor refused, or a state that is unknown
    "address",
    "port",
    "protocol",
    "counter",  # packets, bytes or flows: absent, negative or absurd
    "time",  # absent, unreadable or before the year 2000
    "future",
    "name",  # an identifier with a NUL in it, or too long for an index
]
"""Why something was refused. The list is closed: these are values of a metric's label."""

Skipped = Literal[
    "nodata",  # AWS: no traffic in the window
    "skipdata",  # AWS: records were lost in the window; a gap worth showing
    "begin",  # Azure: a flow began, without counters
    "marker",  # pmacct: a writer began or ended
]
"""Lines that are no records and no mistakes either."""

SAMPLES = 12
"""How many refusals a reading shows at most; never more than a quarter of them for one reason."""

_TEXT = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused line or object, for a dead letter; ``text`` is bounded and may be cut."""

    reason: Reason
    text: str

    @classmethod
    def of(cls, reason: Reason, content: str | bytes) -> Refusal:
        start = content[: _TEXT * 4]
        # Half a surrogate pair comes out of JSON and goes into no message.
        raw = start if isinstance(start, bytes) else start.encode("utf-8", "replace")
        return cls(reason, raw.decode("utf-8", "replace")[:_TEXT])


@dataclass(slots=True)
class Reading:
    """Records of one or more inputs.

    Args:
        frame: the good ones, in the columns of ``SCHEMA``; in no particular order.
        refused: how many lines were refused, by reason.
        samples: some of them.
        skipped: how many lines are neither.
    """

    frame: pl.DataFrame = field(default_factory=SCHEMA.to_frame)
    refused: Counter[Reason] = field(default_factory=Counter)
    samples: list[Refusal] = field(default_factory=list)
    skipped: Counter[Skipped] = field(default_factory=Counter)

    @classmethod
    def refusal(cls, refusal: Refusal, count: int = 1) -> Reading:
        """Nothing but one reason."""
        return cls(refused=Counter({refusal.reason: count}), samples=[refusal])


def merged(readings: Iterable[Reading]) -> Reading:
    """All of them as one, samples still bounded."""
    whole = Reading()
    frames = []
    for one in readings:
        frames.append(one.frame)
        whole.refused.update(one.refused)
        whole.skipped.update(one.skipped)
        whole.samples = spread([*whole.samples, *one.samples])
    if frames:
        whole.frame = pl.concat(frames)
    return whole


def spread(refusals: Iterable[Refusal]) -> list[Refusal]:
    """As many as a reading shows, so that a frequent reason does not hide a rare one."""
    seen: Counter[Reason] = Counter()
    kept: list[Refusal] = []
    for one in refusals:
        seen[one.reason] += 1
        if seen[one.reason] <= SAMPLES // 4:
            kept.append(one)
    return kept[:SAMPLES]
