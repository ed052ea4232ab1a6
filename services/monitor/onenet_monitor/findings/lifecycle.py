"""What becomes of findings when the traffic is looked at again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from onenet_monitor.findings.finding import Finding


@dataclass(frozen=True, slots=True)
class Changes:
    """Args:
    opened: were not there, or were closed.
    confirmed: are open, and their cause is still there.
    closed: whose cause is gone.
    """

    opened: tuple[Finding, ...]
    confirmed: tuple[Finding, ...]
    closed: tuple[UUID, ...]


def changes(open_ones: Iterable[UUID], found: Mapping[UUID, Finding]) -> Changes:
    """Compare what is open with what is there."""
    known = set(open_ones)
    return Changes(
        opened=tuple(one for id_, one in found.items() if id_ not in known),
        confirmed=tuple(one for id_, one in found.items() if id_ in known),
        closed=tuple(sorted(known - set(found))),
    )
