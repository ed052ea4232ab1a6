"""From what AWS shows of a pair to what the connection wants. Pure and total.

A cold plan is: create, accept, tag, await, routes, DNS resolution, flow logs. Whatever half of it is there
already is left out, and applying what remains always leads to an empty plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from onenet_common.connection import Side, Step, Wish
from onenet_common.errors import Conflict, Permanent
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.aws.flow_logs import flow_logs_unwanted, flow_logs_wanted
from onenet_provisioner.drivers.aws.peering_claim import (
    Claim,
    claim,
    refuse_the_impossible,
    route_key,
)
from onenet_provisioner.drivers.aws.peering_model import CONNECTION_TAG, Peering, SeenPeering
from onenet_provisioner.drivers.aws.peering_routes import routes_unwanted, routes_wanted
from onenet_provisioner.drivers.aws.peering_steps import (
    DESTINATION,
    ROLES,
    ROUTES,
    TABLE,
    Action,
    peering_step,
)
from onenet_provisioner.drivers.driver import Link

BUILDS_ROUTE = (Action.CREATE_ROUTE, Action.REPLACE_ROUTE)


def plan(link: Link, seen: SeenPeering, *, dns: bool, flow_logs_to: str = "") -> list[Step]:
    """The ordered steps to ``link.desired``.

    Args:
        dns: names of either side are to resolve to private addresses on the other.
        flow_logs_to: ARN of the bucket for the flow logs that are seen.

    Raises:
        Conflict, PathRefused, Permanent: the wish cannot be fulfilled as things are.
    """
    claimed = claim(link, seen.peerings)
    if link.desired is DesiredState.DELETED:
        return [*_removal(seen, claimed), *flow_logs_unwanted(link, seen.flow_logs)]
    refuse_the_impossible(link, seen.peerings, claimed)
    _both_networks_are_there(link.wish, seen)
    routes = _routes(link.wish, seen, claimed)
    return [
        *_remembering(routes, claimed),
        *_joining(claimed.peering),
        *_tagging(link, claimed),
        *_activating(claimed.peering),
        *routes,
        *(_resolving(link.wish, claimed) if dns else ()),
        *(_deleting(extra, "one peering is enough") for extra in claimed.extras),
        *flow_logs_wanted(link, seen.flow_logs, flow_logs_to),
    ]


def one_place(wish: Wish) -> bool:
    """Both networks in one account and region: one view of the peering, one set of tags."""
    return (wish.left.account, wish.left.region) == (wish.right.account, wish.right.region)


def sides_of(wish: Wish, side: Side) -> tuple[Side, ...]:
    """The sides that an answer from one side's account is about: both where they share it."""
    return tuple(Side) if wish.left.account == wish.right.account else (side,)


def _removal(seen: SeenPeering, claimed: Claim) -> Iterator[Step]:
    for side in Side:
        yield from routes_unwanted(side, seen.tables.get(side, ()), claimed)
    for peering in claimed.own_live:
        yield _deleting(peering, "the connection is deleted")


def _both_networks_are_there(wish: Wish, seen: SeenPeering) -> None:
    for side in Side:
        if not seen.tables.get(side):  # a VPC cannot be without its main route table
            gone = Permanent(f"{wish.side(side).native_id} is gone", code="vpc_not_found")
            raise gone.about(side)


def _routes(wish: Wish, seen: SeenPeering, claimed: Claim) -> list[Step]:
    plans = [routes_wanted(wish, side, seen.tables[side], claimed) for side in Side]
    conflicts = [conflict for plan in plans for conflict in plan.conflicts]
    if conflicts:
        own = zip(Side, plans, strict=True)
        told = {side.value: _in_the_way(plan.conflicts) for side, plan in own if plan.conflicts}
        raise Conflict(_in_the_way(conflicts), code="route_conflict", told=told)
    return [step for plan in plans for step in plan.steps]


def _in_the_way(conflicts: list[str]) -> str:
    return f"routes in the way: {'; '.join(conflicts)}"


def _remembering(routes: list[Step], claimed: Claim) -> Iterator[Step]:
    """On somebody else's peering, note which routes are ours before the first one is made."""
    if claimed.peering is None or not claimed.adopted:
        return
    built = {
        route_key(step.arguments[TABLE], step.arguments[DESTINATION], claimed.peering.id)
        for step in routes
        if step.action in BUILDS_ROUTE
    }
    if built <= claimed.added:
        return
    yield peering_step(
        Action.REMEMBER_ROUTES,
        Side.LEFT,
        claimed.peering.id,
        why="an adopted peering keeps the routes that it had",
        **{ROUTES: ",".join(sorted(built | claimed.added))},
    )


def _joining(peering: Peering | None) -> Iterator[Step]:
    if peering is None:
        yield peering_step(Action.CREATE_PEERING, Side.LEFT, "", why="the networks are not joined")
    if peering is None or peering.status == "pending-acceptance":
        yield peering_step(
            Action.ACCEPT_PEERING, _accepter(peering), _id(peering), why="the other side has to agree"
        )


def _activating(peering: Peering | None) -> Iterator[Step]:
    """No route leads into a peering before it is active: it would swallow traffic that passed."""
    if peering is None or peering.status != "active":
        yield peering_step(
            Action.AWAIT_PEERING, _accepter(peering), _id(peering), why="AWS takes a moment to activate it"
        )


def _tagging(link: Link, claimed: Claim) -> Iterator[Step]:
    if claimed.adopted:
        return
    for side in _views(link.wish):
        if not _tagged(link, claimed.peering, side):
            yield peering_step(
                Action.TAG_PEERING, side, _id(claimed.peering), why="its owner cannot be told from here"
            )


def _tagged(link: Link, peering: Peering | None, side: Side) -> bool:
    if peering is None:
        return side is Side.LEFT  # it is created there, with its tags
    end = peering.ends.get(side)
    return end is not None and end.tags.get(CONNECTION_TAG) == str(link.connection_id)


def _views(wish: Wish) -> tuple[Side, ...]:
    return (Side.LEFT,) if one_place(wish) else (Side.LEFT, Side.RIGHT)


def _resolving(wish: Wish, claimed: Claim) -> Iterator[Step]:
    if claimed.adopted:
        return
    lacking = [side for side in Side if not _resolves(claimed.peering, side)]
    groups = [lacking] if one_place(wish) and lacking else [[side] for side in lacking]
    accepter = _accepter(claimed.peering)
    for sides in groups:
        roles = ",".join("accepter" if side is accepter else "requester" for side in sides)
        yield peering_step(
            Action.SET_DNS_RESOLUTION,
            sides[0],
            _id(claimed.peering),
            why="DNS resolution is off",
            **{ROLES: roles},
        )


def _resolves(peering: Peering | None, side: Side) -> bool:
    end = peering.ends.get(side) if peering else None
    return end is not None and end.dns


def _deleting(peering: Peering, why: str) -> Step:
    return peering_step(Action.DELETE_PEERING, peering.requester, peering.id, why=why)


def _id(peering: Peering | None) -> str:
    return peering.id if peering else ""


def _accepter(peering: Peering | None) -> Side:
    """The left side asks for a peering that is still to be made."""
    return peering.requester.other if peering else Side.RIGHT
