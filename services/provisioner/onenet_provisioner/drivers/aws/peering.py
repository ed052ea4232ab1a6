"""AWS_PEERING: two VPCs joined by a peering, across accounts and regions.

Survives a crash at every call: the peering carries the connection's tag from its creation
on, is found again by tag and by its two VPCs, and every step states a fact that can be
stated twice. The peering is always requested by the left VPC and accepted on the right one's
side, in that side's own account and region.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from onenet_common.connection import CType, Side, Step, Wish
from onenet_common.errors import OneNetError
from onenet_provisioner.drivers.aws import peering_answers as answers
from onenet_provisioner.drivers.aws.flow_log_views import visible_flow_logs
from onenet_provisioner.drivers.aws.flow_logs import FlowLogs, flow_log_details
from onenet_provisioner.drivers.aws.peering_calls import PeeringCalls
from onenet_provisioner.drivers.aws.peering_claim import CREATED, claim
from onenet_provisioner.drivers.aws.peering_model import LIVE, Peering, RouteTable, SeenPeering
from onenet_provisioner.drivers.aws.peering_plan import one_place, plan, sides_of
from onenet_provisioner.drivers.aws.reads import Reads
from onenet_provisioner.drivers.aws.sessions import Sessions
from onenet_provisioner.drivers.driver import Link, Outcome

if TYPE_CHECKING:
    from types_aiobotocore_ec2.type_defs import VpcPeeringConnectionTypeDef


Answer = TypeVar("Answer")


class AwsPeering:
    """The driver.

    Args:
        reads: shared by every driver of the process, so that their reads are merged.
        dns_resolution: names of either side are to resolve to private addresses on the other.
        flow_logs_to: ARN of the bucket that both VPCs' flow logs go to; without one, flow logs are
            neither made nor looked at.
        look_again: seconds until a peering in transition is looked at again.
    """

    ctype: ClassVar[CType] = CType.AWS_PEERING

    def __init__(
        self,
        sessions: Sessions,
        reads: Reads,
        *,
        dns_resolution: bool = True,
        flow_logs_to: str = "",
        look_again: float = 0.5,
    ) -> None:
        self._reads = reads
        self._dns_resolution = dns_resolution
        self._flow_logs_to = flow_logs_to
        self._calls = PeeringCalls(sessions, reads, look_again)

    async def observe(self, link: Link) -> SeenPeering:
        """Read the pair, each side in its own account and region.

        The right side is asked for its peerings when one is known or the left side shows one:
        both list every peering of the pair, and what they differ in are tags and options.
        """
        wish, pair = link.wish, _pair(link.wish)
        known = CREATED in link.details and not one_place(wish)
        left_view, right_view, tables, flow_logs = await asyncio.gather(
            _of(Side.LEFT, wish, self._reads.peerings(wish.left, pair)),
            _of(Side.RIGHT, wish, self._reads.peerings(wish.right, pair)) if known else _nothing(),
            self._tables(wish),
            visible_flow_logs(self._reads, wish) if self._flow_logs_to else _no_flow_logs(),
        )
        if one_place(wish):
            right_view = left_view
        elif not known and any(one["Status"]["Code"] in LIVE for one in left_view):
            right_view = await _of(Side.RIGHT, wish, self._reads.peerings(wish.right, pair))
        peerings = answers.peerings(wish, {Side.LEFT: left_view, Side.RIGHT: right_view})
        return self._seen(link, peerings, tables, flow_logs)

    def plan(self, link: Link, seen: SeenPeering) -> list[Step]:
        return plan(link, seen, dns=self._dns_resolution, flow_logs_to=self._flow_logs_to)

    async def apply(self, link: Link, step: Step) -> Outcome:
        return await self._calls.apply(link, step)

    async def _tables(self, wish: Wish) -> dict[Side, tuple[RouteTable, ...]]:
        left, right = wish.left.native_id, wish.right.native_id
        if one_place(wish):
            read = self._reads.route_tables(wish.left, frozenset((left, right)))
            found = await _of(Side.LEFT, wish, read)
        else:
            left_tables, right_tables = await asyncio.gather(
                _of(Side.LEFT, wish, self._reads.route_tables(wish.left, frozenset((left,)))),
                _of(Side.RIGHT, wish, self._reads.route_tables(wish.right, frozenset((right,)))),
            )
            found = left_tables + right_tables
        return {
            side: answers.route_tables(table for table in found if table["VpcId"] == vpc)
            for side, vpc in ((Side.LEFT, left), (Side.RIGHT, right))
        }

    def _seen(
        self,
        link: Link,
        peerings: tuple[Peering, ...],
        tables: dict[Side, tuple[RouteTable, ...]],
        flow_logs: FlowLogs,
    ) -> SeenPeering:
        claimed = claim(link, peerings)
        details = flow_log_details(link, flow_logs, self._flow_logs_to) if self._flow_logs_to else {}
        if claimed.peering:
            details |= {"peering_id": claimed.peering.id, "status": claimed.peering.status}
        return SeenPeering(
            peerings=peerings,
            tables=tables,
            flow_logs=flow_logs,
            details=details,
            adopted=claimed.adopted,
            telemetry=answers.telemetry(claimed.peering),
        )


async def _of(side: Side, wish: Wish, read: Awaitable[Answer]) -> Answer:
    """What was read of one side; an error says that it is about that side's account."""
    try:
        return await read
    except OneNetError as error:
        raise error.about(*sides_of(wish, side)) from error


async def _no_flow_logs() -> FlowLogs:
    return {}


async def _nothing() -> list[VpcPeeringConnectionTypeDef]:
    return []


def _pair(wish: Wish) -> frozenset[str]:
    return frozenset((wish.left.native_id, wish.right.native_id))
