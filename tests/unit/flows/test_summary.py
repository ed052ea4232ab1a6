"""However much is read at a time, the same messages come to the same sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from aiokafka import ConsumerRecord
from polars.testing import assert_frame_equal

from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.inventory import Network
from onenet_monitor.flows.summary import LATE, Summary, summarise

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
INDEX = Index([], [], NOW)
BLOCKS = (ip_network("10.0.0.0/31"),)
"""The source of most lines, and not their target."""


def message(offset: int, *lines: str) -> ConsumerRecord[Any, Any]:
    text = "\n".join(["srcaddr dstaddr srcport dstport protocol packets bytes start end", *lines, ""])
    return ConsumerRecord("flows", 0, offset, 0, 0, b"exporter", text.encode(), None, 0, 0, ())


def line(minute: int, size: int = 10, source: str = "10.0.0.1", days: int = 0) -> str:
    start = int((NOW - timedelta(minutes=minute, days=days)).timestamp())
    return f"{source} 10.0.0.2 40000 443 6 1 {size} {start} {start}"


MESSAGES = [
    message(0, line(1), line(2), line(3, source="nowhere")),
    message(1, line(1, 20), line(1, -1)),
    message(2, line(2, 5, source="8.8.8.8"), line(1, days=20)),
    message(3, *(line(1, source="nobody") for _ in range(20))),
]


def summary(size: int, messages: list[ConsumerRecord[Any, Any]] = MESSAGES, index: Index = INDEX) -> Summary:
    return summarise(messages, index, now=NOW, oldest=NOW - timedelta(days=7), size=size)


@pytest.mark.parametrize("size", [1, 150, 400])
def test_portions_come_to_what_all_come_to_at_once(size: int) -> None:
    whole, parts = summary(1_000_000), summary(size)
    order = ["minute", "kind", "source", "target", "port", "reply", "bytes"]
    assert_frame_equal(parts.minutes.sort(order), whole.minutes.sort(order), check_column_order=False)
    assert parts.minutes["bytes"].sum() == 45
    assert parts.minutes.height == 2
    for one in (whole, parts):
        assert one.refused == {"address": 21, "counter": 1, LATE: 1}
        assert one.records == whole.records
        assert len({sample.reason for sample in one.samples}) == 2
        assert len(one.samples) <= 12
    assert parts.dependencies.height == whole.dependencies.height


def test_each_record_that_several_networks_claim_is_counted_as_ambiguous() -> None:
    twins = [
        Network(UUID(int=number), NOW - timedelta(days=9), None, UUID(int=9), "1", f"vpc-{number}", BLOCKS)
        for number in (1, 2)
    ]
    messages = [message(0, line(1), line(1), line(2)), message(1, line(1), line(1, source="192.0.2.1"))]
    assert summary(150, messages, Index(twins, [], NOW)).ambiguous == 4


def test_nothing_comes_to_nothing() -> None:
    nothing = summary(1, [])
    assert (len(nothing.minutes), len(nothing.dependencies)) == (0, 0)
    assert nothing.minutes["minute"].dtype == pl.Datetime("us", "UTC")
