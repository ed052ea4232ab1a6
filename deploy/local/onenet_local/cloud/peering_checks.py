"""What AWS refuses to do with a peering, each check in AWS's own words.

Every function raises EC2ClientError or passes.
"""

from __future__ import annotations

from collections.abc import Iterable

from moto.ec2.exceptions import EC2ClientError

from onenet_local.cloud.lifecycle import ACTIVE, INITIATING, PENDING, PROVISIONING
from onenet_local.cloud.peering import Peering, Side


def state(peering: Peering, *wanted: str) -> None:
    """It is in one of these states."""
    if peering.code not in wanted:
        raise EC2ClientError(
            "InvalidStateTransition",
            f"VpcPeeringConnectionID {peering.id} is not in the correct state for the request.",
        )


def accepter(peering: Peering, account: str, region: str, verb: str, participle: str) -> None:
    """The caller is the accepter, in the accepter's region."""
    if account != peering.accepter.account:
        raise _not_permitted(f"User ({account}) cannot {verb} peering {peering.id}")
    if region != peering.accepter.region:
        raise _not_permitted(
            f"Incorrect region ({region}) specified for this request. VPC peering connection "
            f"{peering.id} must be {participle} in region {peering.accepter.region}"
        )


def deleter(peering: Peering, account: str, region: str) -> None:
    """A request that is pending is its requester's to delete; the accepter rejects it."""
    if peering.code == PENDING and not peering.requester.is_at(account, region):
        raise _not_permitted(f"User ({account}) cannot delete peering {peering.id}")


def takes_options(peering: Peering) -> None:
    """Options are set once it is active."""
    if peering.code != ACTIVE:
        raise _not_permitted(
            f"Peering {peering.id} is not active. Peering options can be added only to active peerings."
        )


def own_side(name: str, side: Side, account: str, region: str) -> None:
    """The caller sets options of its own side, in that side's region."""
    if account != side.account:
        raise _not_permitted(
            f"User {account} does not have permission to modify the {name.lower()} side peering options"
        )
    if region != side.region:
        raise _not_permitted(
            f"{name}'s VPC Peering connection options cannot be modified for a different region"
        )


def pending_quota(requested: Iterable[Peering], limit: int) -> None:
    """The account may ask for one more."""
    if sum(peering.code in (INITIATING, PENDING) for peering in requested) >= limit:
        raise EC2ClientError(
            "PendingVpcPeeringConnectionLimitExceeded", "Vpc peering connection request limit exceeded."
        )


def room(peering: Peering, side: Side, limit: int) -> None:
    """The VPC of this side is not joined to the other one yet, and may have one more peering."""
    others: list[Peering] = [
        other
        for other in side.backend.vpc_pcxs.values()
        if other.code in (PROVISIONING, ACTIVE) and other.involves(side.vpc_id)
    ]
    if any(other.joins(peering.requester.vpc_id, peering.accepter.vpc_id) for other in others):
        raise EC2ClientError(
            "VpcPeeringConnectionAlreadyExists",
            f"The vpc peering connection identified by {peering.id} already exists.",
        )
    if len(others) >= limit:
        raise EC2ClientError(
            "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
            f"You've reached the limit on the number of active peerings of {side.vpc_id}.",
        )


def _not_permitted(message: str) -> EC2ClientError:
    return EC2ClientError("OperationNotPermitted", message)
