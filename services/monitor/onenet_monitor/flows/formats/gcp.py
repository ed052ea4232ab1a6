"""Google Cloud VPC flow logs: JSON log entries.

Google Cloud, "About VPC Flow Logs records", https://cloud.google.com/vpc/docs/about-flow-logs-records: the
record is the entry's ``jsonPayload``; ``connection`` holds addresses, ports and protocol; an int64 is text
in JSON; times are RFC 3339. Metadata such as ``src_vpc`` may be left out, and then the network is not known.

The ``reporter`` says whose record it is: ``SRC`` and ``DEST`` are the virtual machines at either end, so
theirs is the network and the direction; ``SRC_GATEWAY`` and ``DEST_GATEWAY`` are a VPN tunnel or an
attachment, of which the direction is not told. Flow logs show what was let through; what a firewall
refused is in another log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from onenet_monitor.flows.formats import tables
from onenet_monitor.flows.formats.checks import WHY, Texts, sift
from onenet_monitor.flows.formats.columns import moment, number
from onenet_monitor.flows.formats.reading import Reading

_VPCS = {
    "SRC": ("src_vpc",),
    "DEST": ("dest_vpc",),
    "SRC_GATEWAY": ("src_gateway", "vpc"),
    "DEST_GATEWAY": ("dest_gateway", "vpc"),
}
_CONNECTION = ("src_ip", "dest_ip", "src_port", "dest_port", "protocol")
_PLAIN = ("bytes_sent", "packets_sent", "start_time", "end_time", "reporter")
PATHS: tables.Paths = {
    **{name: ("jsonPayload", "connection", name) for name in _CONNECTION},
    **{name: ("jsonPayload", name) for name in _PLAIN},
    **{f"{side} name": ("jsonPayload", *path, "vpc_name") for side, path in _VPCS.items()},
    **{f"{side} project": ("jsonPayload", *path, "project_id") for side, path in _VPCS.items()},
    "project": ("resource", "labels", "project_id"),
}


def readings(pieces: Iterable[bytes], now: datetime) -> Iterator[Reading]:
    """What all entries come to: one a line, in one array, or alone."""

    def judge(frame: pl.DataFrame, texts: Texts) -> Reading:
        return sift(frame.select(_raw()), now, texts)

    yield from tables.readings(pieces, PATHS, judge)


def _raw() -> Iterator[pl.Expr]:
    start, end = moment(pl.col("start_time")), moment(pl.col("end_time"))
    yield pl.coalesce(start, end).alias("start")
    yield pl.coalesce(end, start).alias("end")
    project, name = _of_reporter("project"), _of_reporter("name")
    # A null in it makes all of it null: half an identifier finds nothing.
    yield pl.format("projects/{}/global/networks/{}", project, name).alias("network")
    yield pl.coalesce(project, "project").alias("account")
    yield pl.col("src_ip").alias("src")
    yield pl.col("dest_ip").alias("dst")
    yield number(pl.col("src_port"), 0)
    yield number(pl.col("dest_port"), 0).alias("dst_port")
    yield number(pl.col("protocol"))
    # Counters of zero are left out by writers that leave out defaults.
    yield number(pl.col("packets_sent"), 0).alias("packets")
    yield number(pl.col("bytes_sent"), 0).alias("bytes")
    yield pl.lit(1, pl.Int64).alias("flows")
    yield pl.lit(True).alias("accepted")
    side = pl.col("reporter")
    yield pl.when(side.is_in(["SRC", "DEST"])).then(side == "SRC").alias("egress")
    nothing = pl.col("src_ip").is_null() & pl.col("dest_ip").is_null() & pl.col("protocol").is_null()
    yield pl.when(nothing).then(pl.lit("fields")).alias(WHY)


def _of_reporter(what: str) -> pl.Expr:
    return pl.coalesce(pl.when(pl.col("reporter") == side).then(pl.col(f"{side} {what}")) for side in _VPCS)
