"""Which of a pair's peerings a connection uses, and what there is its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onenet_common.errors import Conflict, PathRefused, Permanent
from onenet_provisioner.drivers.aws.peering_model import (
    CONNECTION_TAG,
    GENERATION_TAG,
    LIVE,
    Peering,
    Route,
    RouteTable,
)
from onenet_provisioner.drivers.driver import Link

CREATED = "created_peering_id"
"""Remembered: the peering that this connection made, found even when its tags are taken off."""

ADDED = "added_routes"
"""Remembered: the routes that this connection put on what is not its own, separated by commas.

Here that is adopted peerings. AWS's routes carry no tags, so that every driver of AWS writes down so,
before it makes them, the routes whose target does not tell whose they are.
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a connection has of its pair's peerings.

    Args:
        peering: the live peering in use; None when one has to be made.
        adopted: it was made by somebody else.
        extras: further live peerings that this connection made; one is enough.
        made: ids of every peering that this connection made, dead ones too.
        added: table, destination and target of the routes put on adopted peerings.
        handed: the same of the routes put on the connection's paths by other ctypes.
    """

    peering: Peering | None
    adopted: bool
    extras: tuple[Peering, ...]
    made: frozenset[str]
    added: frozenset[str]
    handed: frozenset[str] = frozenset()

    def owns(self, table: RouteTable, route: Route) -> bool:
        """Whether the route was put there for this connection."""
        return route.target in self.made or _key_of(table, route) in self.added

    def may_take(self, table: RouteTable, route: Route) -> bool:
        """Whether a route may lead here instead: it is this connection's, by whatever ctype."""
        return self.owns(table, route) or _key_of(table, route) in self.handed

    @property
    def own_live(self) -> tuple[Peering, ...]:
        if self.peering is None or self.adopted:
            return self.extras
        return (self.peering, *self.extras)


def route_key(table: str, destination: str, target: str) -> str:
    return f"{table} {destination} {target}"


def _key_of(table: RouteTable, route: Route) -> str:
    return route_key(table.id, str(route.destination), route.target)


def _keys(details: Mapping[str, str]) -> frozenset[str]:
    return frozenset(filter(None, details.get(ADDED, "").split(",")))


def claim(link: Link, peerings: Sequence[Peering]) -> Claim:
    """Tell ours from others' by tag, or by what was remembered when it was made.

    An active peering comes first, for AWS accepts no second one of the same pair; then ours.
    """
    created = link.details.get(CREATED, "")
    mine = [
        peering
        for peering in peerings
        if peering.id == created or peering.tagged(CONNECTION_TAG, str(link.connection_id))
    ]
    live = sorted(
        (peering for peering in peerings if peering.live),
        key=lambda peering: (peering.status != "active", peering not in mine, _rank(peering)),
    )
    in_use = live[0] if live else None
    return Claim(
        peering=in_use,
        adopted=in_use is not None and in_use not in mine,
        extras=tuple(peering for peering in live[1:] if peering in mine),
        made=frozenset(peering.id for peering in mine) | ({created} - {""}),
        added=_keys(link.details),
        handed=frozenset().union(*map(_keys, link.others.values())),
    )


def refuse_the_impossible(link: Link, peerings: Sequence[Peering], claimed: Claim) -> None:
    """Stop before the first step where the pair's peerings rule the wish out.

    Raises:
        Conflict: the pair has a live peering that is not ours to use.
        PathRefused: AWS declared this generation's peering failed.
        Permanent: somebody rejected this generation's peering.
    """
    if claimed.peering is None:
        _blame_this_generation(link, [peering for peering in peerings if peering.id in claimed.made])
        return
    if not claimed.adopted:
        return
    owner = claimed.peering.owner
    if owner is not None:
        raise Conflict(
            f"{claimed.peering.id} between these networks belongs to OneNet connection {owner}",
            code="peering_of_another_connection",
            shared=True,
        )
    if not link.wish.adopt:
        raise Conflict(
            f"{claimed.peering.id} ({claimed.peering.status}) already joins these networks and was not "
            "made by OneNet; ask with adopt to use it as it is",
            code="peering_exists",
            shared=True,
        )


def _blame_this_generation(link: Link, dead: Iterable[Peering]) -> None:
    """An expired or a deleted peering is made anew; a failed or rejected one would fail again."""
    for peering in dead:
        if not peering.tagged(GENERATION_TAG, str(link.generation)):
            continue
        if peering.status == "failed":
            reason = f"AWS failed {peering.id}: {peering.message}"
            raise PathRefused(reason, code="peering_failed", shared=True)
        if peering.status == "rejected":
            reason = f"{peering.id} was rejected: {peering.message}"
            raise Permanent(reason, code="peering_rejected", shared=True)


def _rank(peering: Peering) -> tuple[int, str]:
    return LIVE.index(peering.status), peering.id
