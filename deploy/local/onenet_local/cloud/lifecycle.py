"""The states of a peering over time: pure, the clock is handed in.

initiating-request ─▶ pending-acceptance ─▶ provisioning ─▶ active ─▶ deleting ─▶ deleted
                 └──▶ failed            ├─▶ rejected
                                        ├─▶ expired
                                        └─▶ deleting ─▶ deleted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

INITIATING = "initiating-request"
PENDING = "pending-acceptance"
PROVISIONING = "provisioning"
ACTIVE = "active"
DELETING = "deleting"

LIVE = frozenset({INITIATING, PENDING, PROVISIONING, ACTIVE})
"""States in which a peering occupies its pair of VPCs."""

OVER = frozenset({"failed", "rejected", "expired", "deleted"})
"""States after which nothing follows; the peering is listed for a while and then gone."""

FAILURE = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"


@dataclass(frozen=True, slots=True)
class Phase:
    """A state that a peering is in from ``since`` on, in seconds."""

    since: float
    code: str
    message: str


def at(phases: Sequence[Phase], now: float) -> Phase:
    """The phase at ``now``, of phases in the order in which they come."""
    return next((phase for phase in reversed(phases) if phase.since <= now), phases[0])


def requested(now: float, settle: float, lifetime: float, accepter: str) -> list[Phase]:
    """A request on its way to the ``accepter``'s account, where it waits for ``lifetime``."""
    arrives = now + settle
    return [
        Phase(now, INITIATING, f"Initiating Request to {accepter}"),
        Phase(arrives, PENDING, f"Pending Acceptance by {accepter}"),
        Phase(arrives + lifetime, "expired", "Expired"),
    ]


def refused(now: float, settle: float, accepter: str) -> list[Phase]:
    """A request that AWS finds impossible."""
    return [
        Phase(now, INITIATING, f"Initiating Request to {accepter}"),
        Phase(now + settle, "failed", FAILURE),
    ]


def accepted(now: float, settle: float) -> list[Phase]:
    return [Phase(now, PROVISIONING, "Provisioning"), Phase(now + settle, ACTIVE, "Active")]


def rejected(now: float, account: str) -> list[Phase]:
    return [Phase(now, "rejected", f"Rejected by {account}")]


def deleted(now: float, settle: float, account: str) -> list[Phase]:
    message = f"Deleted by {account}"
    return [Phase(now, DELETING, message), Phase(now + settle, "deleted", message)]
