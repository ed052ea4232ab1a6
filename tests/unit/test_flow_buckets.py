"""Sums by the minute are exact, and a service's port is told from an ephemeral one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_monitor.flows import buckets
from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.inventory import Network
from onenet_monitor.flows.ports import services
from tests.flow_records import START, frame, record

TCP, UDP, ICMP, GRE = 6, 17, 1, 47


@pytest.mark.parametrize(
    ("protocol", "source", "target", "port", "reply"),
    [
        (TCP, 40_000, 443, 443, False),
        (TCP, 443, 40_000, 443, True),
        (TCP, 50_000, 5432, 5432, False),
        (UDP, 53, 53, 53, False),
        (UDP, 123, 53, 53, False),
        (TCP, 1500, 5432, 5432, False),
        (TCP, 5432, 1500, 5432, True),
        (TCP, 7500, 2500, 2500, False),
        (UDP, 45_000, 51_820, 51_820, False),
        (TCP, 40_000, 50_000, 0, False),
        (TCP, 32_768, 32_767, 32_767, False),
        (TCP, 0, 60_000, 0, False),
        (ICMP, 8, 0, 0, False),
        (GRE, 443, 40_000, 0, False),
    ],
)
def test_the_port_of_the_service(protocol: int, source: int, target: int, port: int, reply: bool) -> None:
    ports = [pl.Series([one], dtype=pl.UInt16) for one in (source, target)]
    found = services(pl.Series([protocol], dtype=pl.UInt8), *ports)
    assert (found.port.tolist(), found.reply.tolist()) == ([port], [reply])


@given(st.integers(0, 65_535), st.integers(0, 65_535))
def test_both_directions_of_a_conversation_name_the_same_service(one: int, other: int) -> None:
    protocol = pl.Series([TCP, TCP], dtype=pl.UInt8)
    ports = pl.Series([one, other], dtype=pl.UInt16), pl.Series([other, one], dtype=pl.UInt16)
    found = services(protocol, *ports)
    assert found.port[0] == found.port[1]
    assert found.port[0] in (one, other, 0)
    assert one == other or found.port[0] == 0 or found.reply[0] != found.reply[1]


_RECORDS = st.builds(
    lambda seconds, port, accepted, size: record(
        "10.1.0.1",
        "10.2.0.1",
        start=START + timedelta(seconds=seconds),
        src_port=port,
        accepted=accepted,
        bytes=size,
        packets=size // 7,
    ),
    st.floats(0, 200),
    st.sampled_from([80, 443, 40_000, 40_001]),
    st.booleans(),
    st.integers(0, 2**40),
)


def summed(index: Index, records: list[dict[str, Any]]) -> pl.DataFrame:
    return buckets.minutes([index.name(buckets.alike(index.place(frame(records))))])


@given(st.lists(_RECORDS, max_size=30))
def test_each_record_counts_as_a_whole_in_the_minute_in_which_it_starts(
    records: list[dict[str, Any]],
) -> None:
    sums = summed(Index([], [], START), records)
    wanted: Counter[Any] = Counter()
    for one in records:
        minute = one["start"].replace(second=0, microsecond=0)
        wanted[minute, 443 if one["src_port"] >= 443 else 80, one["accepted"]] += one["bytes"]
    found = {
        (row["minute"], row["port"], row["accepted"]): row["bytes"] for row in sums.iter_rows(named=True)
    }
    assert found == dict(wanted)
    assert sums["flows"].sum() == len(records)
    assert sums["packets"].sum() == sum(one["packets"] for one in records)


def test_only_traffic_that_was_let_through_between_known_ends_is_a_dependency() -> None:
    web = Network(UUID(int=1), START, None, UUID(int=2), "1", "web", (ip_network("10.1.0.0/16"),))
    index = Index([web], [], START)
    records = [
        record("10.1.0.1", "8.8.8.8", start=START),
        record("10.1.0.1", "8.8.4.4", start=START + timedelta(minutes=5)),
        record("10.1.0.1", "8.8.8.8", accepted=False),
        record("192.168.0.1", "192.168.0.2"),
    ]
    [found] = buckets.dependencies(summed(index, records)).iter_rows(named=True)
    assert (found["client"], found["kind"]) == (str(web.resource_id), "internet")
    assert found["asked_flows_at_client"] == 2
    assert (found["first_seen"], found["last_seen"]) == (START, START + timedelta(minutes=5))
