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
from onenet_local.cloud import peering_checks as checks
from onenet_local.cloud.filters import peering_filter
from onenet_local.cloud.lifecycle import ACTIVE, LIVE, PENDING
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
        checks.pending_quota(self._requested(), self._rules.pending_peerings)
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
        checks.accepter(peering, self.current_account, self.region, "accept", "accepted")
        checks.state(peering, PENDING)
        for side in (peering.requester, peering.accepter):
            checks.room(peering, side, self._rules.peerings_per_vpc)
        peering.phases = lifecycle.accepted(time.time(), self._rules.settle)
        return ActionResult({"VpcPeeringConnection": self._told(peering, first=True)})

    def reject_vpc_peering_connection(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        checks.accepter(peering, self.current_account, self.region, "reject", "accepted or rejected")
        checks.state(peering, PENDING)
        peering.phases = lifecycle.rejected(time.time(), self.current_account)
        return ActionResult({"Return": True})

    def delete_vpc_peering_connection(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        checks.state(peering, PENDING, ACTIVE)
        checks.deleter(peering, self.current_account, self.region)
        peering.end(self.current_account, self._rules.settle)
        return ActionResult({"Return": True})

    def modify_vpc_peering_connection_options(self) -> ActionResult:
        peering = self._peering(self._get_param("VpcPeeringConnectionId"))
        checks.takes_options(peering)
        wanted = {
            name: (side, self._get_param(f"{name}PeeringConnectionOptions"))
            for name, side in (("Accepter", peering.accepter), ("Requester", peering.requester))
            if self._get_param(f"{name}PeeringConnectionOptions")
        }
        for name, (side, _) in wanted.items():
            checks.own_side(name, side, self.current_account, self.region)
        for side, options in wanted.values():
            side.options.update({option: bool(value) for option, value in options.items()})
        return ActionResult(
            {f"{name}PeeringConnectionOptions": side.options for name, (side, _) in wanted.items()}
        )

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

    def _requested(self) -> list[Peering]:
        """The peerings that this account asked for in this region."""
        here = (self.current_account, self.region)
        return [peering for peering in self._peerings() if peering.requester.is_at(*here)]

    def _live_between(self, requester: Side, accepter: Side) -> Peering | None:
        for peering in self._requested():
            ends = (peering.requester.vpc_id, peering.accepter.vpc_id)
            if ends == (requester.vpc_id, accepter.vpc_id) and peering.code in LIVE:
                return peering
        return None
