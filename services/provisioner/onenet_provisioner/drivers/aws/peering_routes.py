"""The routes that a peering needs on one side, against those that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from onenet_common.addresses import CidrSet, Network
from onenet_common.connection import Side, Step, Wish
from onenet_provisioner.drivers.aws.peering_claim import Claim
from onenet_provisioner.drivers.aws.peering_model import Route, RouteTable
from onenet_provisioner.drivers.aws.peering_steps import Action, route_step


@dataclass(slots=True)
class RoutePlan:
    """Steps in order: every route first, then the removal of those no longer wanted.

    ``conflicts`` are sentences about routes of others that are in the way.
    """

    steps: list[Step] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def routes_wanted(wish: Wish, side: Side, tables: Sequence[RouteTable], claim: Claim) -> RoutePlan:
    """What leads from one side's route tables to all of the peer's blocks through the peering."""
    blocks = destinations(wish, side)
    plan = RoutePlan()
    served = tables_to_serve(tables)
    for table in served:
        for block in blocks:
            _want(plan, side, table, block, claim)
    for table in tables:
        for route in table.routes:
            wanted = route.destination in blocks and (table in served or _may_stay(table, route, claim))
            if claim.owns(table, route) and not wanted:
                plan.steps.append(
                    route_step(Action.DELETE_ROUTE, side, table.id, route.destination, why="no longer wanted")
                )
    return plan


def routes_unwanted(side: Side, tables: Sequence[RouteTable], claim: Claim) -> Iterator[Step]:
    for table in tables:
        for route in table.routes:
            if claim.owns(table, route):
                yield route_step(
                    Action.DELETE_ROUTE, side, table.id, route.destination, why="the connection is deleted"
                )


def destinations(wish: Wish, side: Side) -> tuple[Network, ...]:
    """The peer's blocks; its IPv6 blocks only when this side has IPv6 to come from."""
    own, peer = wish.side(side), wish.side(side.other)
    versions = {block.version for block in (own.subnet, *own.subnets)} | {4}
    blocks = CidrSet.of((peer.subnet, *peer.subnets))
    return tuple(block for block in blocks if block.version in versions)


def tables_to_serve(tables: Sequence[RouteTable]) -> list[RouteTable]:
    """Those chosen by tag if there are any, else those in use."""
    chosen = [table for table in tables if table.chosen]
    return chosen or [table for table in tables if table.in_use]


def _may_stay(table: RouteTable, route: Route, claim: Claim) -> bool:
    """A good route may wait in a table that is prepared before a subnet uses it."""
    return not table.in_use and not route.blackhole and route.target == _through(claim)


def _through(claim: Claim) -> str:
    return claim.peering.id if claim.peering else ""


def _want(plan: RoutePlan, side: Side, table: RouteTable, block: Network, claim: Claim) -> None:
    there = [route for route in table.routes if route.destination == block]
    through = _through(claim)
    if any(route.target == through and not route.blackhole for route in there):
        return
    in_the_way = next((route for route in there if not _may_replace(table, route, claim)), None)
    if in_the_way is not None:
        plan.conflicts.append(f"{table.id} sends {block} to {in_the_way.target}")
        return
    action = Action.REPLACE_ROUTE if there else Action.CREATE_ROUTE
    why = f"led to {there[0].target}" if there else "missing"
    plan.steps.append(route_step(action, side, table.id, block, peering=through, why=why))


def _may_replace(table: RouteTable, route: Route, claim: Claim) -> bool:
    return route.blackhole or claim.may_take(table, route)
