"""What pmacct's daemons write to Kafka: JSON objects, one a message or several lines.

Names and types are those of pmacct's ``src/plugin_cmn_json.c`` and ``CONFIG-KEYS``
(https://github.com/pmacct/pmacct): ``event_type`` is ``purge`` for records, ``purge_init`` and
``purge_close`` for a writer's marks; ``ip_proto`` is a name, or a number with ``num_protos``; ``label`` is
text, or an object with ``pretag_label_encode_as_map``; a time is text, seconds since 1970 with
``timestamps_since_epoch``. Without that and without ``timestamps_utc`` it is the daemon's local time with
no zone, which is taken for UTC: so set one of them.

``aggregate`` must have ``src_host, dst_host, proto``, and times come from ``timestamp_start`` or from
``kafka_history``. pmacct tells no network of its own: the label is it, else the tag, else the VXLAN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from onenet_monitor.flows.formats import tables
from onenet_monitor.flows.formats.checks import ROW, WHY, Texts, sift
from onenet_monitor.flows.formats.columns import moment, number
from onenet_monitor.flows.formats.reading import Reading

_STARTS = ("timestamp_start", "timestamp_min", "timestamp_arrival", "stamp_inserted")
_ENDS = ("timestamp_end", "timestamp_max")
_NETWORKS = ("label", "tag", "vxlan")
_MARKERS = ("purge_init", "purge_close")
PATHS: tables.Paths = {
    name: (name,)
    for name in (
        "event_type", "ip_src", "ip_dst", "port_src", "port_dst", "ip_proto", "packets", "bytes", "flows",
        *_STARTS, *_ENDS, *_NETWORKS,
    )
}  # fmt: skip
_PROTOCOLS = {
    "ip": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "mux": 18,
    "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ipv6-crypt": 50,
    "ah": 51, "ipv6-auth": 51, "mobile": 55, "tlsp": 56, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60,
    "iso-ip": 80, "vines": 83, "eigrp": 88, "ospf": 89, "larp": 91, "ax.25": 93, "ipip": 94, "encap": 98,
    "pnni": 102, "pim": 103, "ipcomp": 108, "ipx-in-ip": 111, "vrrp": 112, "l2tp": 115, "isis": 124,
    "sctp": 132, "fc": 133,
}  # fmt: skip


def readings(pieces: Iterable[bytes], now: datetime) -> Iterator[Reading]:
    """What all objects come to."""

    def judge(frame: pl.DataFrame, texts: Texts) -> Reading:
        marks = frame["event_type"].is_in(_MARKERS).fill_null(False)
        reading = sift(frame.select(_raw()).with_row_index(ROW).filter(~marks), now, texts)
        if count := int(marks.sum()):
            reading.skipped["marker"] = count
        return reading

    yield from tables.readings(pieces, PATHS, judge)


def _raw() -> Iterator[pl.Expr]:
    start = pl.coalesce(_set(name) for name in _STARTS)
    yield start.alias("start")
    yield pl.coalesce(*(_set(name) for name in _ENDS), start).alias("end")
    given = (pl.when(~pl.col(name).is_in(["", "0", "{}"])).then(pl.col(name)) for name in _NETWORKS)
    yield pl.coalesce(given).alias("network")
    yield pl.lit(None, pl.String).alias("account")
    yield pl.col("ip_src").alias("src")
    yield pl.col("ip_dst").alias("dst")
    yield number(pl.col("port_src"), 0).alias("src_port")
    yield number(pl.col("port_dst"), 0).alias("dst_port")
    yield number(pl.col("ip_proto").str.to_lowercase().replace(_PROTOCOLS)).alias("protocol")
    yield number(pl.col("packets"))
    yield number(pl.col("bytes"))
    yield number(pl.col("flows"), 1)
    yield pl.lit(True).alias("accepted")
    yield pl.lit(None, pl.Boolean).alias("egress")
    another = ~pl.col("event_type").fill_null("purge").eq("purge")
    nothing = pl.col("ip_src").is_null() & pl.col("ip_dst").is_null()
    yield pl.when(another | nothing).then(pl.lit("fields")).alias(WHY)


def _set(name: str) -> pl.Expr:
    """A time; null when it is absent, and where it is 1970, which is how pmacct writes that."""
    time = moment(pl.col(name))
    return pl.when(time > 0).then(time)
