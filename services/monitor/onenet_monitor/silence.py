"""Whether a connection that carried traffic every minute has stopped to. Pure.

A connection without traffic is not broken: people go home. One whose traffic never paused for an hour and
then stops, while the same networks' other traffic is still seen, is worth a look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from onenet_common.connection import Sample

MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=10)
"""By so much the providers deliver flow logs late; younger minutes say nothing yet about silence."""
STEADY_MINUTES = 60
STEADY = 57
"""Minutes of those before the stop that must have carried traffic: 95 %."""
STOPPED = 5
"""Whole minutes without traffic that are silence."""
LOOK_BACK = timedelta(hours=3)
"""What is still silent then, after an hour of traffic, is how it is now."""


@dataclass(frozen=True, slots=True)
class Carrying:
    """It carries traffic, as steadily as it does."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """It carried traffic until ``last``, and in so many minutes since then others did and it did not."""

    last: datetime
    minutes: int


def silence(
    carried: Mapping[datetime, int], others: Collection[datetime], now: datetime
) -> Carrying | Stopped | None:
    """What the traffic of a connection says of it; None when it says nothing.

    Args:
        carried: flows by minute, each named by its beginning; minutes without any may be left out.
        others: minutes of which the exporters of the connection's networks delivered other traffic.
    """
    last = last_carried(carried)
    if last is None:
        return None
    hour = (last - MINUTE * back for back in range(STEADY_MINUTES))
    if sum(carried.get(minute, 0) > 0 for minute in hour) < STEADY:
        return None
    settled = complete_until(now)
    if settled - last <= MINUTE * STOPPED:
        return Carrying()
    quiet = {minute for minute in others if last < minute < settled}
    return Stopped(last, len(quiet)) if len(quiet) >= STOPPED else None


def last_carried(carried: Mapping[datetime, int]) -> datetime | None:
    """The last minute that carried traffic, a young one too: it cannot be taken back."""
    return max((minute for minute, flows in carried.items() if flows > 0), default=None)


def complete_until(now: datetime) -> datetime:
    """The beginning of the first minute of which flow logs may still come."""
    return now.replace(second=0, microsecond=0) - LATE


def sampled(found: Carrying | Stopped, at: datetime) -> Sample:
    """What the traffic says as a sample: silence alone does not prove that packets cannot pass."""
    given = {"source": "flows", "at": at, "interval": MINUTE.total_seconds()}
    if isinstance(found, Carrying):
        return Sample.model_validate({**given, "health": "UP"})
    reason = (
        f"no traffic since {found.last:%Y-%m-%dT%H:%MZ}, after an hour with some in every minute; "
        f"other traffic of its networks was seen in {found.minutes} minutes since"
    )
    return Sample.model_validate({**given, "health": "DEGRADED", "reasons": [reason], "sides": ["both"]})
