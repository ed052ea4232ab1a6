"""AWS VPC flow logs as text: any list of fields, named by a header line.

Fields, their order in version 2 and their meaning: Amazon VPC User Guide, "Flow log records",
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html. Versions only add fields, and a
custom format takes some of them in any order, so the header alone tells what is where. ``-`` is null.
``pkt-srcaddr`` and ``pkt-dstaddr``, the packet's own addresses, win over those of the interface that a
NAT gateway or a load balancer put in between. A header that leaves ports, protocol, counters or the action
out gets 0, 0, 0 and accepted: who talks to whom is worth knowing alone.

Blocks whose lines are all regular take the fast way: read with types, so that the first irregular line
ends it. The slow way then splits each line and finds out which ones are irregular.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from onenet_monitor.flows.formats.aws_header import DEFAULT, Header, headers
from onenet_monitor.flows.formats.checks import ROW, WHY, Texts, seconds, sift
from onenet_monitor.flows.formats.columns import number, split
from onenet_monitor.flows.formats.inflate import lines
from onenet_monitor.flows.formats.reading import Reading, Refusal, Skipped, merged

MOST_HEADERS = 16
"""How many different headers one input may have; lines under a further one are refused."""

_IDLE: Mapping[str, Skipped] = {"NODATA": "nodata", "SKIPDATA": "skipdata"}


def readings(pieces: Iterable[bytes], now: datetime) -> Iterator[Reading]:
    """What a text comes to, block by block."""
    reader = Reader(now)
    for block in lines(pieces):
        yield Reading.refusal(block) if isinstance(block, Refusal) else reader.read(block)


class Reader:
    """Reads blocks of one text; knows the header that governs the next one."""

    def __init__(self, now: datetime, header: Header | None = None) -> None:
        self._now = now
        self._header = header
        self._begun = header is not None
        self._seen: set[str] = set()

    def read(self, block: bytes) -> Reading:
        """A block of whole lines."""
        first, _, rest = block.partition(b"\n")
        if header := Header.of(first.decode("utf-8", "replace").rstrip("\r")):
            self._header, block = header, rest
        elif not self._begun and DEFAULT.fits(first):
            self._header = DEFAULT
        self._begun = True
        reading = self.fast(block)
        return reading if reading is not None else self._slow(block)

    def fast(self, block: bytes) -> Reading | None:
        """The block, if all its lines are regular and under the same header."""
        if not block:
            return Reading()
        header = self._header
        if header is None or not header.usable or b"\t" in block:
            return None  # polars takes a number after a tab, which is none
        try:
            frame = pl.read_csv(
                block,
                separator=" ",
                has_header=False,
                schema=header.types,
                columns=header.telling,
                null_values=dict.fromkeys(header.names[:-1], "-"),
                quote_char=None,
            )
        except pl.exceptions.PolarsError:
            return None
        last = frame[header.names[-1]]
        # Only the last field of a short line tells that it is short, so "-" is kept apart from null in it.
        if last.null_count():
            return None
        # Nor does polars look at what follows the last column that is read. No line is short, so one that is
        # too long shows in the sum.
        if _spaces(block) != len(frame) * (len(header.names) - 1):
            return None
        last = last.replace("-", None)
        if header.ends_in_number and last.cast(pl.Int64, strict=False).null_count() > last.null_count():
            return None
        frame = frame.with_columns(last)
        return self._sift(frame, header, lambda rows: _lines_of(block, rows), may_hold_nul=b"\0" in block)

    def _slow(self, block: bytes) -> Reading:
        """Line by line, with each one's reason; several headers each govern what follows."""
        text = pl.Series("line", block.decode("utf-8", "replace").split("\n"), pl.String)
        text = text.str.strip_suffix("\r")
        text = text.filter(text != "")
        found = pl.DataFrame({"line": text, "header": headers(text)}).with_columns(
            governing=pl.col("header").forward_fill()
        )
        before = pl.lit(self._header.text if self._header else None, pl.String)
        governed = found.filter(pl.col("header").is_null()).with_columns(pl.coalesce("governing", before))
        parts = (
            governed.partition_by("governing", as_dict=True, maintain_order=True) if governed.height else {}
        )
        reading = merged(self._under(key[0], part["line"]) for key, part in parts.items())
        if (last := found["governing"].drop_nulls()).len():
            self._header = Header.of(last[-1])
        return reading

    def _under(self, governing: object, text: pl.Series) -> Reading:
        """Lines under one header."""
        header = Header.of(governing) if isinstance(governing, str) else None
        if header is None or not header.usable or not self._known(header):
            return Reading.refusal(Refusal.of("header", text[0]), text.len())
        frame = split(text, " ", header.names, nulls=["-", ""])
        frame = frame.with_columns(
            pl.when(pl.col("fields") != len(header.names)).then(pl.lit("fields")).alias(WHY)
        )
        return self._sift(frame, header, lambda rows: text.gather(rows).to_list())

    def _known(self, header: Header) -> bool:
        if header.text not in self._seen and len(self._seen) >= MOST_HEADERS:
            return False
        self._seen.add(header.text)
        return True

    def _sift(
        self, frame: pl.DataFrame, header: Header, texts: Texts, *, may_hold_nul: bool = True
    ) -> Reading:
        status = frame.select(_status(header)).to_series()
        idle = status.is_in(list(_IDLE)).fill_null(False)
        raw = frame.select(*_raw(header), *([WHY] if WHY in frame.columns else []))
        if not idle.any():
            return sift(raw, self._now, texts, may_hold_nul=may_hold_nul)
        if WHY in raw.columns:
            idle &= raw[WHY].is_null()
        reading = sift(raw.with_row_index(ROW).filter(~idle), self._now, texts, may_hold_nul=may_hold_nul)
        for word, count in status.filter(idle).value_counts().iter_rows():
            reading.skipped[_IDLE[word]] += count
        return reading


def _status(header: Header) -> pl.Expr:
    """What each line says of itself; without such a field, one without addresses has no data."""
    if header.has("log-status"):
        return pl.col("log-status")
    empty = _address(header, "src").is_null() & _address(header, "dst").is_null()
    return pl.when(empty).then(pl.lit("NODATA")).otherwise(pl.lit("OK"))


def _raw(header: Header) -> Iterator[pl.Expr]:
    """The columns that the checks want."""
    starts, ends = (("start", "end"), ("end", "start"))
    for name, ours in (("start", starts), ("end", ends)):
        given = next(one for one in ours if header.has(one))
        yield seconds(number(pl.col(given))).alias(name)
    for name, given in (("network", "vpc-id"), ("account", "account-id")):
        yield _text(header, given).alias(name)
    yield _address(header, "src").alias("src")
    yield _address(header, "dst").alias("dst")
    for name, given in (("src_port", "srcport"), ("dst_port", "dstport")):
        yield (number(pl.col(given), 0) if header.has(given) else pl.lit(0, pl.Int64)).alias(name)
    for name in ("protocol", "packets", "bytes"):
        yield (number(pl.col(name)) if header.has(name) else pl.lit(0, pl.Int64)).alias(name)
    yield pl.lit(1, pl.Int64).alias("flows")
    yield _accepted(header).alias("accepted")
    yield _one_of(_text(header, "flow-direction"), "egress", "ingress").alias("egress")


def _text(header: Header, name: str) -> pl.Expr:
    return pl.col(name) if header.has(name) else pl.lit(None, pl.String)


def _address(header: Header, side: str) -> pl.Expr:
    return pl.coalesce(one for one in (f"pkt-{side}addr", f"{side}addr") if header.has(one))


def _accepted(header: Header) -> pl.Expr:
    accepted = _one_of(pl.col("action"), "ACCEPT", "REJECT") if header.has("action") else pl.lit(True)
    return pl.when(_status(header) == "OK").then(accepted)


def _one_of(text: pl.Expr, yes: str, no: str) -> pl.Expr:
    """True for one word, False for the other, null for any else."""
    return pl.when(text.is_in([yes, no])).then(text == yes)


def _spaces(block: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord(" ")))


def _lines_of(block: bytes, rows: Sequence[int]) -> list[str]:
    every = block.split(b"\n")
    return [every[row].decode("utf-8", "replace") for row in rows]
