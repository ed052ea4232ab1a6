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
_NUMBERS = {
    **dict.fromkeys(("src_port", "dst_port"), 65535),
    "protocol": 255,
    **dict.fromkeys(("packets", "bytes", "flows"), LARGEST),
}
"""The most of each; the least is 0."""
_NAMES = ("network", "account")

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


def sift(raw: pl.DataFrame, now: datetime, texts: Texts, *, may_hold_nul: bool = True) -> Reading:
    """Keep what is right, count and sample the rest.

    Args:
        raw: the columns of ``SCHEMA``, times in microseconds and numbers as Int64, where null means that
            it is absent although needed, or no number; with ``ROW`` and ``WHY`` where there is need.
        texts: called only when something is refused.
        may_hold_nul: whether a NUL can be in a name; looking for one in each takes long.
    """
    return kept(*judged(raw, now, may_hold_nul=may_hold_nul), texts)


def judged(raw: pl.DataFrame, now: datetime, *, may_hold_nul: bool = True) -> tuple[pl.DataFrame, pl.Series]:
    """The same with canonical addresses, and for each row what is wrong with it, or null."""
    raw = raw.with_columns(canonical(raw["src"]), canonical(raw["dst"]))
    if raw.height and WHY not in raw.columns and raw.select(_right(now, may_hold_nul)).item():
        return raw, pl.repeat(None, raw.height, dtype=pl.String, eager=True)
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


def _right(now: datetime, may_hold_nul: bool) -> pl.Expr:
    """Whether nothing is wrong with any row, as ``_reason`` sees it: from extremes, which are soon found."""
    start, end = pl.col("start"), pl.col("end")
    present = ("accepted", "src", "dst", "start", "end", *_NUMBERS)
    return pl.all_horizontal(
        *(pl.col(name).null_count() == 0 for name in present),
        *(pl.col(name).min() >= 0 for name in _NUMBERS),
        *(pl.col(name).max() <= most for name, most in _NUMBERS.items()),
        start.min() >= micros(_EARLIEST),
        pl.max_horizontal(start.max(), end.max()) <= micros(now + AHEAD),
        *((_long(name) if not may_hold_nul else _unstorable(name)).any().not_() for name in _NAMES),
    )


def _reason(raw: pl.DataFrame, now: datetime) -> pl.Expr:
    """The first thing that is wrong with a row, or null."""
    wrong: list[tuple[Reason, pl.Expr]] = [
        ("action", pl.col("accepted").is_null()),
        ("address", pl.col("src").is_null() | pl.col("dst").is_null()),
        ("port", _outside("src_port") | _outside("dst_port")),
        ("protocol", _outside("protocol")),
        ("counter", pl.any_horizontal(_outside(one) for one in ("packets", "bytes", "flows"))),
        ("time", ~(pl.col("start") >= micros(_EARLIEST)).fill_null(False) | pl.col("end").is_null()),
        ("future", pl.max_horizontal("start", "end") > micros(now + AHEAD)),
        ("name", pl.any_horizontal(_unstorable(one) for one in _NAMES)),
    ]
    reason = pl.lit(None, pl.String)
    for word, condition in reversed(wrong):
        reason = pl.when(condition).then(pl.lit(word)).otherwise(reason)
    return pl.coalesce(WHY, reason) if WHY in raw.columns else reason


def _outside(column: str) -> pl.Expr:
    number = pl.col(column)
    return ~((number >= 0) & (number <= _NUMBERS[column])).fill_null(False)


def _unstorable(column: str) -> pl.Expr:
    """PostgreSQL keeps no NUL in a text, and no long text in an index."""
    return _long(column) | pl.col(column).str.contains("\0", literal=True).fill_null(False)


def _long(column: str) -> pl.Expr:
    return (pl.col(column).str.len_bytes() > _LONGEST_NAME).fill_null(False)


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
