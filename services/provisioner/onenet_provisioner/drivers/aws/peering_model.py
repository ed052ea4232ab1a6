"""A pair's VPC peerings and route tables, as values that a plan is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onenet_common.addresses import Network
from onenet_common.connection import Side
from onenet_provisioner.drivers.aws.flow_logs import FlowLog
from onenet_provisioner.drivers.driver import Observed

CONNECTION_TAG = "onenet:connection"
"""Marks what OneNet made, with the connection's id. Visible in the account and region that set it."""

GENERATION_TAG = "onenet:generation"
"""The generation that made a peering, so that its failure is not blamed on a later try."""

ROUTE_TABLE_TAG = "onenet:route-table"
"""``true`` on any route table of a VPC: routes go into the tables that carry it, and no others."""

LIVE = ("active", "provisioning", "pending-acceptance", "initiating-request")
"""States in which a peering occupies its pair, the most useful first."""


@dataclass(frozen=True, slots=True)
class End:
    """One side of a peering, as that side's own account and region shows it.

    Args:
        dns: names of this side resolve to private addresses when asked from the other.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    dns: bool = False


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering of the pair, in whichever direction it was requested.

    Args:
        status: AWS's word; the least advanced one while the two sides disagree.
        message: what AWS says about the status.
        requester: the side that asked; the other one accepts.
        ends: a side is missing while the peering is not visible there.
    """

    id: str
    status: str
    requester: Side
    message: str = ""
    ends: Mapping[Side, End] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def tagged(self, key: str, value: str) -> bool:
        return any(end.tags.get(key) == value for end in self.ends.values())

    @property
    def owner(self) -> str | None:
        """The connection whose tag it carries, if any."""
        owners = (end.tags.get(CONNECTION_TAG) for end in self.ends.values())
        return next((owner for owner in owners if owner), None)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a route table sends a destination.

    Args:
        target: the id of the gateway, peering or interface, or ``local``.
        blackhole: the target does not exist any more.
    """

    destination: Network
    target: str
    blackhole: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Args:
    in_use: a subnet uses it, or it is the VPC's main table.
    chosen: it carries ``onenet:route-table``.
    """

    id: str
    routes: tuple[Route, ...] = ()
    in_use: bool = True
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPeering(Observed):
    """What AWS shows of a pair; dead peerings stay listed for a while."""

    peerings: tuple[Peering, ...] = ()
    tables: Mapping[Side, tuple[RouteTable, ...]] = field(default_factory=dict)
    flow_logs: Mapping[Side, tuple[FlowLog, ...]] = field(default_factory=dict)
