"""From verdicts to the times that availability is counted from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onenet_common.states import Health
from onenet_monitor.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which one health was the verdict; ``until`` is None while it is."""

    since: datetime
    until: datetime | None
    health: Health


def periods(begun: Sequence[Verdict]) -> list[Period]:
    """The periods that begin with these verdicts, which replaced one another in this order.

    What lasted no time at all is left out.
    """
    ends = [*(verdict.since for verdict in begun[1:]), None]
    return [
        Period(verdict.since, until, verdict.health)
        for verdict, until in zip(begun, ends, strict=False)
        if until is None or until > verdict.since
    ]
