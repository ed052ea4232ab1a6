"""From columns as an exporter wrote them to canonical records: the same checks for every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from onenet_monitor.flows.formats.addresses import canonical
from onenet_monitor.flows.formats.reading import SAMPLES, SCHEMA, Reading, Reason, Refusal, spread

AHEAD = timedelta(minutes=5)
"""By how much an exporter's clock may be ahead of ours."""

LARGEST = 1 << 50
"""The most that one record can have counted; with it, thousands of records cannot overflow a sum."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 512
_NAMES = ("network", "account", "interface")

Texts = Callable[[list[int]], Sequence[str]]
"""The lines of these rows."""

ROW = "row"
"""A column that a format adds when it left rows out: which line each row is from."""

WHY = "why"
"""A column that a format adds when it refuses rows itself: the reason, else null."""


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def seconds(number: pl.Expr) -> pl.Expr:
    """Seconds since 1970 as microseconds, without overflow for numbers that are no times."""
    return number.clip(-1, 1 << 42) * 1_000_000


def sift(raw: pl.DataFrame, now: datetime, texts: Texts) -> Reading:
    """Keep what is right, count and sample the rest.

    Args:
        raw: the columns of ``SCHEMA``, times in microseconds and numbers as Int64, where null means that
            it is absent although needed, or no number; with ``ROW`` and ``WHY`` where there is need.
        texts: called only when something is refused.
    """
    return kept(*judged(raw, now), texts)


def judged(raw: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, pl.Series]:
    """The same with canonical addresses, and for each row what is wrong with it, or null."""
    raw = raw.with_columns(canonical(raw["src"]), canonical(raw["dst"]))
    return raw, raw.select(_reason(raw, now)).to_series()


def kept(raw: pl.DataFrame, why: pl.Series, texts: Texts) -> Reading:
    """What is right of what was judged; the rest counted and sampled."""
    if why.null_count() == raw.height:
        return Reading(typed(raw))
    refused = Counter[Reason](dict(why.drop_nulls().value_counts().iter_rows()))
    return Reading(typed(raw.filter(why.is_null())), refused, _samples(raw, why, texts))


def typed(raw: pl.DataFrame) -> pl.DataFrame:
    """Rows that are right, as canonical records."""
    return raw.select(
        pl.col("start").cast(SCHEMA["start"]),
        # Google's own examples end before they start, by seconds.
        pl.max_horizontal("start", "end").cast(SCHEMA["end"]).alias("end"),
        *(pl.col(name).cast(kind) for name, kind in SCHEMA.items() if name not in ("start", "end")),
    )


def _reason(raw: pl.DataFrame, now: datetime) -> pl.Expr:
    """The first thing that is wrong with a row, or null."""
    wrong: list[tuple[Reason, pl.Expr]] = [
        ("action", pl.col("accepted").is_null()),
        ("address", pl.col("src").is_null() | pl.col("dst").is_null()),
        ("port", _outside("src_port", 0, 65535) | _outside("dst_port", 0, 65535)),
        ("protocol", _outside("protocol", 0, 255)),
        ("counter", pl.any_horizontal(_outside(one, 0, LARGEST) for one in ("packets", "bytes", "flows"))),
        ("time", _outside("start", micros(_EARLIEST), None) | pl.col("end").is_null()),
        ("future", pl.max_horizontal("start", "end") > micros(now + AHEAD)),
        ("name", pl.any_horizontal(_unstorable(one) for one in _NAMES)),
    ]
    reason = pl.lit(None, pl.String)
    for word, condition in reversed(wrong):
        reason = pl.when(condition).then(pl.lit(word)).otherwise(reason)
    return pl.coalesce(WHY, reason) if WHY in raw.columns else reason


def _outside(column: str, low: int, high: int | None) -> pl.Expr:
    number = pl.col(column)
    inside = number >= low if high is None else (number >= low) & (number <= high)
    return ~inside.fill_null(False)


def _unstorable(column: str) -> pl.Expr:
    """PostgreSQL keeps no NUL in a text, and no long text in an index."""
    text = pl.col(column)
    wrong = (text.str.len_bytes() > _LONGEST_NAME) | text.str.contains("\0", literal=True)
    return wrong.fill_null(False)


def _samples(raw: pl.DataFrame, why: pl.Series, texts: Texts) -> list[Refusal]:
    rows = raw[ROW] if ROW in raw.columns else pl.int_range(raw.height, eager=True)
    some = (
        pl.DataFrame({"row": rows, "why": why})
        .drop_nulls("why")
        .group_by("why", maintain_order=True)
        .head(SAMPLES // 4)
        .head(SAMPLES)
    )
    reasons, lines = some["why"], texts(some["row"].to_list())
    return spread(Refusal.of(reason, line) for reason, line in zip(reasons, lines, strict=True))
