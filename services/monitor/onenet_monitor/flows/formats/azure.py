"""Azure virtual network flow logs: JSON whose records hold tuples of text, 13 fields each.

Microsoft Learn, "Virtual network flow logs",
https://learn.microsoft.com/en-us/azure/network-watcher/vnet-flow-logs-overview: the category is
``FlowLogFlowEvent``; a tuple is time, source, destination, their ports, protocol, direction ``I`` or ``O``,
state, encryption, packets and bytes sent, packets and bytes received. States: ``B`` a flow began and has no
counters yet; ``C`` it goes on and ``E`` it ended, with what was counted since the last update; ``D`` it was
denied. The times are milliseconds; the page's own calculation shows seconds, so both are read.

A tuple counts both directions, so it becomes two records, of which the second has source and destination
exchanged; there is none for an answer that never came. A target that is a subnet stands for its network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from onenet_monitor.flows.formats.checks import LARGEST, ROW, WHY, judged, kept, typed
from onenet_monitor.flows.formats.columns import number, split
from onenet_monitor.flows.formats.objects import objects, text
from onenet_monitor.flows.formats.reading import Reading, Refusal

_FIELDS = (
    "time", "src", "dst", "src_port", "dst_port", "protocol", "direction", "state", "encryption",
    "packets", "bytes", "packets_back", "bytes_back",
)  # fmt: skip
_COUNTERS = _FIELDS[9:]
_STATES = ("C", "E", "D")
_BATCH = 50_000
_SECONDS_UNTIL = 1 << 35  # a thousand years from 1970; as milliseconds, early 1971


def readings(pieces: Iterable[bytes], now: datetime) -> Iterator[Reading]:
    """What all records come to, some tens of thousands of tuples at a time."""
    batch = _Tuples()
    for found in objects(pieces):
        if isinstance(found, Refusal):
            yield Reading.refusal(found)
            continue
        records = found.get("records")
        for record in records if isinstance(records, list) else [found]:
            if not batch.add(record):
                yield Reading.refusal(Refusal.of("fields", str(record)))
        if len(batch.tuples) >= _BATCH:
            yield _read(batch, now)
            batch = _Tuples()
    yield _read(batch, now)


@dataclass(slots=True)
class _Tuples:
    """Tuples of many records, each with what its record says of all of them."""

    tuples: list[str] = field(default_factory=list)
    networks: list[str | None] = field(default_factory=list)

    def add(self, record: Any) -> bool:
        """Take a record's tuples; False when it is none, or one of its groups is none."""
        try:
            flows = record["flowRecords"]["flows"]
            groups = [group["flowTuples"] for flow in flows for group in flow["flowGroups"]]
            network = text(record.get("targetResourceID"))
        except (KeyError, TypeError, AttributeError):
            return False
        good = [group for group in groups if isinstance(group, list)]
        for group in good:
            # What is no text cannot be a good tuple; as text it is refused like any other.
            self.tuples += [text(one) or "" for one in group]
            self.networks += [network] * len(group)
        return len(good) == len(groups)

    def frame(self) -> pl.DataFrame:
        """One row a tuple."""
        columns = {"tuple": self.tuples, "network": self.networks}
        return pl.DataFrame(columns, dict.fromkeys(columns, pl.String))


def _read(batch: _Tuples, now: datetime) -> Reading:
    given = batch.frame()
    frame = split(given["tuple"], ",", _FIELDS, nulls=[""]).hstack(given.select("network"))
    began = ((frame["state"] == "B") & (frame["fields"] == len(_FIELDS))).fill_null(False)
    raw = frame.select(*_raw(), _why()).with_row_index(ROW).filter(~began)
    raw, why = judged(raw, now)
    reading = kept(raw, why, lambda rows: given["tuple"].gather(rows).to_list())
    reading.frame.extend(typed(_answers(raw.filter(why.is_null()))))
    if count := int(began.sum()):
        reading.skipped["begin"] = count
    return reading


def _raw() -> Iterator[pl.Expr]:
    """The columns that the checks want, and the counters of the way back."""
    time = number(pl.col("time"))
    millis = pl.when(time < _SECONDS_UNTIL).then(time * 1000).otherwise(time.clip(upper_bound=1 << 50))
    yield (millis * 1000).alias("start")
    yield (millis * 1000).alias("end")
    yield pl.col("network").str.replace("(?i)/subnets/[^/]*$", "")
    yield pl.col("network").str.extract("(?i)^/subscriptions/([^/]+)").alias("account")
    yield from (pl.col("src"), pl.col("dst"))
    yield from (number(pl.col(one), 0) for one in ("src_port", "dst_port"))
    yield number(pl.col("protocol"))
    # A tuple that was denied may leave its counters out.
    denied = pl.col("state") == "D"
    for one in _COUNTERS:
        yield (
            pl.when(denied & pl.col(one).is_null())
            .then(pl.lit(0, pl.Int64))
            .otherwise(number(pl.col(one)))
            .alias(one)
        )
    yield pl.lit(1, pl.Int64).alias("flows")
    yield pl.when(pl.col("state").is_in(_STATES)).then(~denied).alias("accepted")
    yield pl.when(pl.col("direction").is_in(["I", "O"])).then(pl.col("direction") == "O").alias("egress")


def _why() -> pl.Expr:
    """What is wrong with a tuple that the checks of one direction cannot see."""
    back = pl.all_horizontal(number(pl.col(one)).is_between(0, LARGEST) for one in _COUNTERS[2:])
    counted = (back | (pl.col("state") == "D")).fill_null(False)
    return (
        pl.when(pl.col("fields") != len(_FIELDS))
        .then(pl.lit("fields"))
        .when(pl.col("state").is_in(_STATES) & ~counted)
        .then(pl.lit("counter"))
        .alias(WHY)
    )


def _answers(raw: pl.DataFrame) -> pl.DataFrame:
    """The way back of each tuple that has one."""
    return raw.filter(
        pl.col("accepted") & ((pl.col("packets_back") > 0) | (pl.col("bytes_back") > 0))
    ).with_columns(
        src="dst",
        dst="src",
        src_port="dst_port",
        dst_port="src_port",
        packets="packets_back",
        bytes="bytes_back",
        egress=~pl.col("egress"),
    )
