"""Columns of raw records: from text that may be anything to what the checks want.

A number that is no number becomes null, which the checks refuse; one that is absent becomes the default.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_FRACTION = r"^[0-9]{1,12}(?:\.[0-9]{1,9})?$"
_ZONE = r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})$"


def number(column: pl.Expr, default: int | None = None) -> pl.Expr:
    """A column of text as Int64, ``default`` where it is null."""
    cast = column.cast(pl.Int64, strict=False)
    if default is None:
        return cast
    return pl.when(column.is_not_null()).then(cast).otherwise(pl.lit(default, pl.Int64))


def moment(column: pl.Expr) -> pl.Expr:
    """A column of text as microseconds since 1970; null where it is no time.

    Seconds since 1970 with or without a fraction, or a date and a time, in UTC unless it names another zone.
    """
    dated = column.str.replace(" ", "T", literal=True)
    zoned = pl.when(dated.str.contains(_ZONE)).then(dated).otherwise(dated + "Z")
    parsed = zoned.str.to_datetime("%+", time_unit="us", strict=False).dt.epoch("us")
    epoch = (column.cast(pl.Float64, strict=False) * 1_000_000).round().cast(pl.Int64, strict=False)
    return pl.when(column.str.contains(_FRACTION)).then(epoch).otherwise(parsed)


def split(lines: pl.Series, separator: str, names: Sequence[str], *, nulls: Sequence[str]) -> pl.DataFrame:
    """Lines as columns of text, and ``fields``, how many each line has; a field in ``nulls`` is null."""
    parts = lines.str.split(separator)
    frame = pl.DataFrame({"parts": parts, "fields": parts.list.len()})
    fields = (pl.col("parts").list.get(place, null_on_oob=True) for place in range(len(names)))
    return frame.select(
        "fields",
        *(
            pl.when(field.is_in(nulls)).then(None).otherwise(field).alias(name)
            for field, name in zip(fields, names, strict=True)
        ),
    )
