"""What the counting of flow logs shows as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from onenet_common.durations import LONG, duration
from onenet_common.telemetry import meter
from onenet_monitor.flows.attribution import KINDS
from onenet_monitor.flows.formats.reading import Reason, Skipped
from onenet_monitor.flows.summary import LATE, Summary

_records = meter.create_counter("onenet.flows.records", description="Flow records counted, by kind")
_ambiguous = meter.create_counter(
    "onenet.flows.ambiguous", description="Flow records with an end that several networks claim"
)
_refused = meter.create_counter("onenet.flows.refused", description="Lines of flow logs refused, by reason")
_skipped = meter.create_counter("onenet.flows.skipped", description="Lines that are no records, by reason")
_repeated = meter.create_counter(
    "onenet.flows.repeated", description="Messages passed over, since they are counted already"
)
_commits = duration("onenet.flows.commit.duration", "From sums in memory to sums in the database")
_delay = duration(
    "onenet.flows.delay", "From the topic to the sums, of the oldest message of a batch", bounds=LONG
)
_lag = meter.create_gauge("onenet.consumer.lag", description="Records behind the end of a partition")
_dead = meter.create_counter("onenet.messages.dead", description="Records sent to a dead-letter topic")


def prepare(topic: str, group: str) -> None:
    """Begin series that show an increase with their first event."""
    for kind in KINDS:
        _records.add(0, {"kind": kind})
    for reason in (*get_args(Reason), LATE):
        _refused.add(0, {"reason": reason})
    for reason in get_args(Skipped):
        _skipped.add(0, {"reason": reason})
    _ambiguous.add(0)
    _repeated.add(0)
    _dead.add(0, {"topic": topic, "group": group})


def counted(summary: Summary, seconds: float, age: float) -> None:
    """After a commit.

    Args:
        seconds: that the commit took.
        age: of the oldest message, in seconds.
    """
    for kind, count in summary.records.items():
        _records.add(count, {"kind": kind})
    for reason, count in summary.refused.items():
        _refused.add(count, {"reason": reason})
    for reason, count in summary.skipped.items():
        _skipped.add(count, {"reason": reason})
    _ambiguous.add(summary.ambiguous)
    _commits.record(seconds)
    _delay.record(age)


def repeated(messages: int) -> None:
    """Messages that a collector had published before."""
    _repeated.add(messages)


def dead(topic: str, group: str, count: int = 1) -> None:
    _dead.add(count, {"topic": topic, "group": group})


def lag(topic: str, group: str, behind: Mapping[int, int]) -> None:
    """Show how many records are not counted yet, by partition."""
    for partition, records in behind.items():
        _lag.set(max(0, records), {"topic": topic, "partition": partition, "group": group})
