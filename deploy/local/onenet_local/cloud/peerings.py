"""VPC peering connections by AWS's rules, as far as they are known.

What AWS does where its documentation is silent was taken from what its users report: a request
that is already there in the same direction is answered with the existing peering, one in the
opposite direction is created and cannot be accepted (VpcPeeringConnectionAlreadyExists).
"""

from __future__ import annotations

import time
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.vpc_peering_connections import VPCPeeringConnections
from moto.ec2.utils import random_vpc_peering_connection_id

from onenet_local.cloud import lifecycle
from onenet_local.cloud.filters import peering_filter
from onenet_local.cloud.lifecycle import ACTIVE, INITIATING, LIVE, PENDING, PROVISIONING
from onenet_local.cloud.peering import Peering, Side
from onenet_local.cloud.rules import Rules
from onenet_local.cloud.state import Cloud


class Peerings(VPCPeeringConnections):
    """The operations on peerings, for one call of one account in one region."""

    cloud: Cloud

    @property
    def _rules(self) -> Rules:
        return self.cloud.rules

    def create_vpc_peering_connection(self) -> ActionResult:
        requester = Side(self.current_account, self.region, self._get_param("VpcId"))
        self.ec2_backend.get_vpc(requester.vpc_id)
        accepter = Side(
            self._get_param("PeerOwnerId") or self.current_account,
            self._get_param("PeerRegion") or self.region,
            self._get_param("PeerVpcId"),
        )
        if accepter.is_at(requester.account, requester.region):
            self.ec2_backend.get_vpc(accepter.vpc_id)
        existing = self._live_between(requester, accepter)
        if existing is not None:
            return ActionResult({"VpcPeeringConnection": self._told(existing)})
        self._check_pending_quota()
        peering = self._request(requester, accepter)
        return ActionResult({"VpcPeeringConnection": self._told(peering, first=True)})

    def describe_vpc_peering_connections(self) -> ActionResult:
        wanted = peering_filter(self._filters_from_querystring())
        ids = self._get_param("VpcPeeringConnectionIds", [])
        peerings = [self._peering(one) for one in ids] if ids else self._peerings()
        tags = self.ec2_backend.tags
        return ActionResult(
            {
                "VpcPeeringConnections": [
                    self._told(peering) for peering in peerings if wanted(peering, tags.get(peering.id, {}))
                ]
            }
        )

    def accept_vpc_peering_connection(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        self._check_accepter(peering, "accept", "accepted")
        if peering.code != PENDING:
            raise _wrong_state(peering)
        for side in (peering.requester, peering.accepter):
            self._check_room(peering, side)
        peering.phases = lifecycle.accepted(time.time(), self._rules.settle)
        return ActionResult({"VpcPeeringConnection": self._told(peering, first=True)})

    def reject_vpc_peering_connection(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        self._check_accepter(peering, "reject", "accepted or rejected")
        if peering.code != PENDING:
            raise _wrong_state(peering)
        peering.phases = lifecycle.rejected(time.time(), self.current_account)
        return ActionResult({"Return": True})

    def delete_vpc_peering_connection(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        if peering.code not in (PENDING, ACTIVE):
            raise _wrong_state(peering)
        if peering.code == PENDING and not peering.requester.is_at(self.current_account, self.region):
            raise _not_permitted(f"User ({self.current_account}) cannot delete peering {peering.id}")
        peering.end(self.current_account, self._rules.settle)
        return ActionResult({"Return": True})

    def modify_vpc_peering_connection_options(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        if peering.code != ACTIVE:
            raise _not_permitted(
                f"Peering {peering.id} is not active. Peering options can be added only to active peerings."
            )
        answer: dict[str, Any] = {}
        for name, side, parameter in (
            ("accepter", peering.accepter, "AccepterPeeringConnectionOptions"),
            ("requester", peering.requester, "RequesterPeeringConnectionOptions"),
        ):
            if wanted := self._get_param(parameter):
                self._check_own_side(name, side)
                side.options.update({option: bool(value) for option, value in wanted.items()})
                answer[parameter] = side.options
        return ActionResult(answer)

    def _request(self, requester: Side, accepter: Side) -> Peering:
        now, settle = time.time(), self._rules.settle
        peering = Peering(random_vpc_peering_connection_id(), requester, accepter, [])
        if accepter.vpc is None or peering.overlaps():
            peering.phases = lifecycle.refused(now, settle, accepter.account)
        else:
            lifetime = self._rules.request_lifetime
            peering.phases = lifecycle.requested(now, settle, lifetime, accepter.account)
            accepter.backend.vpc_pcxs[peering.id] = peering
        self.ec2_backend.vpc_pcxs[peering.id] = peering
        tags = self._parse_tag_specification().get("vpc-peering-connection", {})
        self.ec2_backend.create_tags([peering.id], tags)
        return peering

    def _told(self, peering: Peering, *, first: bool = False) -> dict[str, Any]:
        """The peering for the one who calls; AWS answers a change with its first phase."""
        return peering.told(self.current_account, self.region, peering.phases[0] if first else None)

    def _peerings(self) -> list[Peering]:
        """The peerings that this account sees in this region; forgets those long over."""
        known: dict[str, Peering] = self.ec2_backend.vpc_pcxs
        for peering in list(known.values()):
            if peering.is_gone(self._rules.linger):
                del known[peering.id]
                self.ec2_backend.tags.pop(peering.id, None)
        return [one for one in known.values() if one.is_visible_to(self.current_account, self.region)]

    def _peering(self, peering_id: str) -> Peering:
        for peering in self._peerings():
            if peering.id == peering_id:
                return peering
        raise EC2ClientError(
            "InvalidVpcPeeringConnectionID.NotFound",
            f"The vpcPeeringConnection ID '{peering_id}' does not exist",
        )

    def _live_between(self, requester: Side, accepter: Side) -> Peering | None:
        pair = (requester.vpc_id, accepter.vpc_id)
        return next(
            (
                peering
                for peering in self._peerings()
                if (peering.requester.vpc_id, peering.accepter.vpc_id) == pair and peering.code in LIVE
            ),
            None,
        )

    def _check_pending_quota(self) -> None:
        pending = sum(
            peering.code in (INITIATING, PENDING)
            and peering.requester.is_at(self.current_account, self.region)
            for peering in self._peerings()
        )
        if pending >= self._rules.pending_peerings:
            raise EC2ClientError(
                "PendingVpcPeeringConnectionLimitExceeded", "Vpc peering connection request limit exceeded."
            )

    def _check_room(self, peering: Peering, side: Side) -> None:
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
        if len(others) >= self._rules.peerings_per_vpc:
            raise EC2ClientError(
                "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
                f"You've reached the limit on the number of active peerings of {side.vpc_id}.",
            )

    def _check_accepter(self, peering: Peering, verb: str, participle: str) -> None:
        if self.current_account != peering.accepter.account:
            raise _not_permitted(f"User ({self.current_account}) cannot {verb} peering {peering.id}")
        if self.region != peering.accepter.region:
            raise _not_permitted(
                f"Incorrect region ({self.region}) specified for this request. VPC peering connection "
                f"{peering.id} must be {participle} in region {peering.accepter.region}"
            )

    def _check_own_side(self, name: str, side: Side) -> None:
        if self.current_account != side.account:
            raise _not_permitted(
                f"User {self.current_account} does not have permission to modify the {name} side "
                "peering options"
            )
        if self.region != side.region:
            raise _not_permitted(
                f"{name.capitalize()}'s VPC Peering connection options cannot be modified "
                "for a different region"
            )


def _wrong_state(peering: Peering) -> EC2ClientError:
    return EC2ClientError(
        "InvalidStateTransition",
        f"VpcPeeringConnectionID {peering.id} is not in the correct state for the request.",
    )


def _not_permitted(message: str) -> EC2ClientError:
    return EC2ClientError("OperationNotPermitted", message)
