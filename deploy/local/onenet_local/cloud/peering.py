"""A VPC peering connection as AWS keeps it, told to each side in its own way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.vpcs import VPC

from onenet_local.cloud.lifecycle import ACTIVE, INITIATING, OVER, PENDING, Phase, at, deleted

OPTIONS = (
    "AllowDnsResolutionFromRemoteVpc",
    "AllowEgressFromLocalClassicLinkToRemoteVpc",
    "AllowEgressFromLocalVpcToRemoteClassicLink",
)


@dataclass
class Side:
    """One end of a peering. Its VPC may not exist, or no longer."""

    account: str
    region: str
    vpc_id: str
    options: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(OPTIONS, False))

    @property
    def backend(self) -> Any:
        """moto's EC2 of this side."""
        return ec2_backends[self.account][self.region]

    @property
    def vpc(self) -> VPC | None:
        if self.account not in ec2_backends or self.region not in ec2_backends[self.account]:
            return None
        found: VPC | None = self.backend.vpcs.get(self.vpc_id)
        return found

    def blocks(self) -> Iterator[IPv4Network | IPv6Network]:
        """Every CIDR block that the VPC has now."""
        vpc = self.vpc
        if vpc is None:
            return
        for association in (
            *vpc.get_cidr_block_association_set(ipv6=False),
            *vpc.get_cidr_block_association_set(ipv6=True),
        ):
            if association["cidr_block_state"]["state"] == "associated":
                yield ip_network(association["cidr_block"], strict=False)

    def is_at(self, account: str, region: str) -> bool:
        return (self.account, self.region) == (account, region)


@dataclass
class Peering:
    """One peering, shared by the backends of both sides.

    moto keeps it among its ``vpc_pcxs`` and its routes refer to it, by ``id``.

    Args:
        phases: what it is and will be unless something happens, in order.
    """

    id: str
    requester: Side
    accepter: Side
    phases: list[Phase]

    @property
    def phase(self) -> Phase:
        return at(self.phases, time.time())

    @property
    def code(self) -> str:
        return self.phase.code

    def is_gone(self, linger: float) -> bool:
        """Whether it is over for so long that nobody lists it any more."""
        phase = self.phase
        return phase.code in OVER and phase.since + linger <= time.time()

    def is_visible_to(self, account: str, region: str) -> bool:
        """The accepter hears of a request only when it arrives, and of a failed one never."""
        return self.requester.is_at(account, region) or (
            self.accepter.is_at(account, region) and self.code not in (INITIATING, "failed")
        )

    def joins(self, one: str, other: str) -> bool:
        return {self.requester.vpc_id, self.accepter.vpc_id} == {one, other}

    def involves(self, vpc_id: str) -> bool:
        return vpc_id in (self.requester.vpc_id, self.accepter.vpc_id)

    def overlaps(self) -> bool:
        """Whether any block of one side shares an address with any block of the other."""
        theirs = list(self.accepter.blocks())
        return any(ours.overlaps(block) for ours in self.requester.blocks() for block in theirs)

    def end(self, account: str, settle: float) -> None:
        """Let it go, on behalf of ``account``."""
        self.phases = deleted(time.time(), settle, account)

    def told(self, account: str, region: str, phase: Phase | None = None) -> dict[str, Any]:
        """The fields of a VpcPeeringConnection as this account sees it in this region.

        Tags are those of the one who asks; the other side's are not told. The accepter's CIDR
        blocks are told once it is active.

        Args:
            phase: told instead of the present one, in answers that show where it starts.
        """
        phase = phase or self.phase
        tags = ec2_backends[account][region].tags.get(self.id, {})
        told: dict[str, Any] = {
            "VpcPeeringConnectionId": self.id,
            "Status": {"Code": phase.code, "Message": phase.message},
            "RequesterVpcInfo": _told_of(self.requester, with_blocks=True),
            "AccepterVpcInfo": _told_of(self.accepter, with_blocks=phase.code == ACTIVE),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        if phase.code == PENDING:
            told["ExpirationTime"] = datetime.fromtimestamp(self.phases[-1].since, UTC)
        return told


def _told_of(side: Side, *, with_blocks: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"OwnerId": side.account, "Region": side.region, "VpcId": side.vpc_id}
    vpc = side.vpc
    if not with_blocks or vpc is None:
        return told
    blocks = list(side.blocks())
    return told | {
        "CidrBlock": vpc.cidr_block,
        "CidrBlockSet": [{"CidrBlock": str(block)} for block in blocks if block.version == 4],
        "Ipv6CidrBlockSet": [{"Ipv6CidrBlock": str(block)} for block in blocks if block.version == 6],
        "PeeringOptions": side.options,
    }
