"""JSON records as columns of text: fast for lines that polars can read, one by one for all others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice

import polars as pl

from onenet_monitor.flows.formats.checks import Texts
from onenet_monitor.flows.formats.inflate import lines
from onenet_monitor.flows.formats.objects import Object, load, objects, text
from onenet_monitor.flows.formats.reading import Reading, Refusal

Paths = Mapping[str, tuple[str, ...]]
"""Where in a record the text of each column is."""

Judge = Callable[[pl.DataFrame, Texts], Reading]
"""What the rows of a table come to."""

_BATCH = 20_000
_HEAD = 64 << 10


def readings(pieces: Iterable[bytes], paths: Paths, judge: Judge) -> Iterator[Reading]:
    """All records: one a line, or held together in any other way."""
    pieces = iter(pieces)
    first = next(pieces, b"")
    pieces = chain([first], pieces)
    if one_a_line(first[:_HEAD]):
        yield from _by_line(pieces, paths, judge)
    else:
        yield from _by_object(pieces, paths, judge)


def one_a_line(head: bytes) -> bool:
    """Whether content that begins so has one record on each line."""
    if head.lstrip().startswith(b"["):
        return False
    return any(load(line) is not None for line in head.split(b"\n") if line.startswith(b"{"))


def _by_line(pieces: Iterable[bytes], paths: Paths, judge: Judge) -> Iterator[Reading]:
    for block in lines(pieces):
        if isinstance(block, Refusal):
            yield Reading.refusal(block)
            continue
        if (frame := _read(block, paths)) is not None:
            yield judge(frame, partial(_lines_of, block))
            continue
        every = [line for line in block.decode("utf-8", "replace").split("\n") if line.strip()]
        yield from _judged([load(line) or Refusal.of("fields", line) for line in every], paths, judge)


def _by_object(pieces: Iterable[bytes], paths: Paths, judge: Judge) -> Iterator[Reading]:
    found = objects(pieces)
    while some := list(islice(found, _BATCH)):
        yield from _judged(some, paths, judge)


def _judged(found: Sequence[Object | Refusal], paths: Paths, judge: Judge) -> Iterator[Reading]:
    yield from (Reading.refusal(one) for one in found if isinstance(one, Refusal))
    good = [one for one in found if not isinstance(one, Refusal)]
    columns = {name: [text(_at(one, path)) for one in good] for name, path in paths.items()}
    frame = pl.DataFrame(columns, dict.fromkeys(paths, pl.String))
    yield judge(frame, lambda rows: [json.dumps(good[row]) for row in rows])


def _read(block: bytes, paths: Paths) -> pl.DataFrame | None:
    """The table, unless a line is no JSON."""
    try:
        frame = pl.read_ndjson(block, schema=_schema(paths.values()), ignore_errors=True)
    except pl.exceptions.PolarsError:
        return None
    return frame.select(_expression(path).alias(name) for name, path in paths.items())


def _schema(paths: Iterable[tuple[str, ...]]) -> dict[str, pl.DataType]:
    inner: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in paths:
        inner.setdefault(first, []).append(tuple(rest))
    return {name: pl.Struct(_schema(rest)) if all(rest) else pl.String() for name, rest in inner.items()}


def _expression(path: tuple[str, ...]) -> pl.Expr:
    column = pl.col(path[0])
    for name in path[1:]:
        column = column.struct.field(name)
    return column


def _at(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _lines_of(block: bytes, rows: Sequence[int]) -> list[str]:
    every = [line for line in block.split(b"\n") if line.strip()]
    return [every[row].decode("utf-8", "replace") for row in rows]
