"""The hard constraints of each ctype: functions from a wish to a checked constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from onenet_common.addresses import CidrSet
from onenet_common.connection import (
    Constraint,
    CType,
    ExistingPath,
    ProviderType,
    Side,
    Wish,
    told_to,
)
from onenet_evaluator.paths import Offer

Check = Callable[[Wish, Offer], Constraint]

MOST_OVERLAPS_SHOWN = 5
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
"""AWS partitions by the first letters of a region; everything else is ``aws``."""


def different_networks(wish: Wish, _: Offer) -> Constraint:
    left, right = wish.left, wish.right
    same = left.id == right.id or (left.native_id, left.account, left.region) == (
        right.native_id,
        right.account,
        right.region,
    )
    return _judge("different networks", not same, f"both sides are the same network {left.name}")


def not_connected_yet(wish: Wish, _: Offer) -> Constraint:
    return _judge(
        "not connected yet",
        wish.connected_by is None,
        f"connection {wish.connected_by} joins the two already",
    )


def both_on_aws(wish: Wish, _: Offer) -> Constraint:
    elsewhere = [side.name for side in (wish.left, wish.right) if side.provider_type is not ProviderType.AWS]
    return _judge("both on AWS", not elsewhere, f"not on AWS: {', '.join(elsewhere)}")


def one_partition(wish: Wish, _: Offer) -> Constraint:
    left, right = _partition(wish.left.region), _partition(wish.right.region)
    return _judge(
        "one AWS partition",
        left == right,
        f"{wish.left.region} is in partition {left}, {wish.right.region} in {right}",
    )


def no_overlap(wish: Wish, _: Offer) -> Constraint:
    pairs = CidrSet.of(wish.left.subnets).overlaps(CidrSet.of(wish.right.subnets))
    shown = "; ".join(f"{left} and {right}" for left, right in pairs[:MOST_OVERLAPS_SHOWN])
    more = f" and {len(pairs) - MOST_OVERLAPS_SHOWN} more" if len(pairs) > MOST_OVERLAPS_SHOWN else ""
    return _judge("no overlapping addresses", not pairs, f"addresses overlap: {shown}{more}")


def nothing_there_already(wish: Wish, _: Offer) -> Constraint:
    """What one side alone shows untagged is left to the driver, which looks at the provider itself.

    OneNet tags the requester's side first, and the sides are discovered at different times: such a
    peering may be one that OneNet was making, and may be gone by now.
    """
    listed = [{path.native_id for path in _seen_from(wish, side)} for side in Side]
    foreign = [
        path
        for path in existing_paths(wish)
        if not path.ours and all(path.native_id in ids for ids in listed)
    ]
    shown = ", ".join(f"{path.native_id} ({path.status})" for path in foreign)
    return _judge(
        "no peering there already",
        wish.adopt or not foreign,
        f"a peering that OneNet did not make exists: {shown}; ask with adopt: true to use it",
    )


def peerings_left(side: Side) -> Check:
    def check(wish: Wish, _: Offer) -> Constraint:
        needed = 0 if existing_paths(wish) else 1
        return _within_quota(wish, side, "peerings", needed)

    return check


def routes_left(side: Side) -> Check:
    def check(wish: Wish, _: Offer) -> Constraint:
        # Routes over a path that exists are counted as used already; only growth comes on top,
        # and the provider's own limit catches that.
        needed = 0 if existing_paths(wish) else len(wish.side(side.other).subnets)
        return _within_quota(wish, side, "routes", needed)

    return check


def encrypted_if_asked(wish: Wish, offer: Offer) -> Constraint:
    fact = offer.encrypted(same_region=_same_region(wish))
    return Constraint(
        name="encryption",
        satisfied=bool(fact.value) or not wish.requirements.encryption,
        reason="encrypted" if fact.value else "the path does not promise encryption",
        source=fact.source,
        as_of=fact.as_of.isoformat(),
    )


def bandwidth_if_asked(wish: Wish, offer: Offer) -> Constraint:
    fact = offer.bandwidth_mbps(same_region=_same_region(wish))
    wanted = wish.requirements.bandwidth_mbps
    asked = f", {wanted} are asked for" if wanted else ""
    return Constraint(
        name="bandwidth",
        satisfied=(wanted or 0) <= fact.value,
        reason=f"the path carries {fact.value:.0f} Mbit/s{asked}",
        source=fact.source,
        as_of=fact.as_of.isoformat(),
    )


COMMON: tuple[Check, ...] = (different_networks, not_connected_yet, no_overlap)

CHECKS: dict[CType, tuple[Check, ...]] = {
    CType.AWS_PEERING: (
        *COMMON,
        both_on_aws,
        one_partition,
        nothing_there_already,
        peerings_left(Side.LEFT),
        peerings_left(Side.RIGHT),
        routes_left(Side.LEFT),
        routes_left(Side.RIGHT),
        encrypted_if_asked,
        bandwidth_if_asked,
    ),
}


def as_requested(ctype: CType, wish: Wish) -> Constraint:
    return _judge("as requested", wish.ctype in (None, ctype), f"the request asks for {wish.ctype}")


def not_refused(ctype: CType, wish: Wish) -> Constraint:
    """The provider's own words may be about one side's account, and are told accordingly."""
    refused = [path for path in wish.refused_paths if path.ctype is ctype]
    return Constraint(
        name="not refused by the provider",
        satisfied=not refused,
        reason="; ".join(path.reason for path in refused),
        told={side: "; ".join(told_to(side, path.told) for path in refused) for side in Side}
        if refused
        else None,
    )


def existing_paths(wish: Wish) -> list[ExistingPath]:
    """Paths between exactly these two networks that the provider has already.

    Either side may have been discovered later, and either may be the one that sees our tag.
    """
    found: dict[str, ExistingPath] = {}
    for side in Side:
        for path in _seen_from(wish, side):
            known = found.get(path.native_id)
            found[path.native_id] = path if path.ours or known is None else known
    return list(found.values())


def _seen_from(wish: Wish, side: Side) -> Iterator[ExistingPath]:
    peer = wish.side(side.other)
    for path in wish.side(side).paths:
        same_place = path.peer_account in ("", peer.account) and path.peer_region in ("", peer.region)
        if path.peer_native_id == peer.native_id and same_place:
            yield path


def _judge(name: str, satisfied: bool, otherwise: str) -> Constraint:
    return Constraint(name=name, satisfied=satisfied, reason="" if satisfied else otherwise)


def _within_quota(wish: Wish, side: Side, kind: str, needed: int) -> Constraint:
    resource = wish.side(side)
    quota = resource.quotas.get(kind)
    name = f"{kind} free on the {side.value}"
    if quota is None:
        # The provider's own refusal catches it later; a quota that was not read is no reason.
        return Constraint(name=name, satisfied=True, reason=f"quota of {kind} not discovered")
    enough = needed <= quota.left
    reason = f"{resource.name} uses {quota.used} of {quota.limit} {kind} and needs {needed} more"
    # How much of it is in use is the account's own; that it stands in the way is not.
    other = f"{resource.name} has {'enough' if enough else 'not enough'} {kind} left"
    return Constraint(
        name=name,
        satisfied=enough,
        reason=reason,
        source=quota.source,
        told={side: reason, side.other: other},
    )


def _same_region(wish: Wish) -> bool:
    return wish.left.region == wish.right.region


def _partition(region: str) -> str:
    return next((name for prefix, name in PARTITIONS.items() if region.startswith(prefix)), "aws")
