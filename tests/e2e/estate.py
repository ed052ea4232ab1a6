"""Many networks in two accounts of one owner, registered with OneNet, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar
from uuid import UUID

from onenet_client.client import Client
from onenet_client.models import Connection, Resource
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_local.demo.people import sign_in
from onenet_local.stack import Stack

PATIENCE = 90.0
"""Seconds after which something that was to happen counts as not happening."""

LEFT_REGION, RIGHT_REGION = "eu-west-1", "us-east-1"
LIVE = ("initiating-request", "pending-acceptance", "provisioning", "active")

_numbers = count(1)
T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What ``look`` finds, as soon as it finds something."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE
    while (found := await look()) is None:
        assert clock() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        await asyncio.sleep(0.2)
    return found


@dataclass
class Estate:
    """Two accounts' networks, each left one to be connected with each right one."""

    onenet: Client
    left: Owner
    right: Owner
    lefts: list[Resource] = field(default_factory=list)
    rights: list[Resource] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[UUID, UUID]]:
        return [(left.id, right.id) for left in self.lefts for right in self.rights]

    def live_peerings(self) -> Counter[tuple[str, str]]:
        """How many live peerings each pair of VPCs has, as the left account sees them."""
        pages = self.left.client("ec2", LEFT_REGION).get_paginator("describe_vpc_peering_connections")
        return Counter(
            (peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"])
            for page in pages.paginate()
            for peering in page["VpcPeeringConnections"]
            if peering["Status"]["Code"] in LIVE
        )

    def expected_peerings(self) -> Counter[tuple[str, str]]:
        """One for each pair."""
        return Counter((left.native_id, right.native_id) for left in self.lefts for right in self.rights)

    def peering_routes(self) -> int:
        """Routes over peerings in both accounts."""
        found = 0
        for owner, region in ((self.left, LEFT_REGION), (self.right, RIGHT_REGION)):
            pages = owner.client("ec2", region).get_paginator("describe_route_tables")
            tables = [table for page in pages.paginate() for table in page["RouteTables"]]
            found += sum("VpcPeeringConnectionId" in route for table in tables for route in table["Routes"])
        return found

    async def resource(self, native_id: str) -> UUID | None:
        """OneNet's id of a network, once it is discovered."""
        found = [one.id async for one in self.onenet.resources.find() if one.native_id == native_id]
        return found[0] if found else None

    async def connections(self) -> list[Connection]:
        """Those of this estate's networks."""
        mine = {resource.id for resource in self.lefts}
        return [one async for one in self.onenet.connections.find() if one.resource_left in mine]

    async def states(self) -> Counter[str]:
        """How many connections are in each state."""
        return Counter([one.state for one in await self.connections()])


@asynccontextmanager
async def estate(stack: Stack, *, networks: int, user: str = "alice") -> AsyncIterator[Estate]:
    """Make ``networks`` VPCs in each of two fresh accounts and have them discovered."""
    cloud = LocalCloud(stack.addresses.cloud)
    number = next(_numbers)
    owners = Owner(cloud, f"3{number:011}"), Owner(cloud, f"4{number:011}")
    async with await sign_in(stack.addresses.api, user) as onenet:
        made = Estate(onenet, left=owners[0], right=owners[1])
        service = await onenet.services.create(f"estate {number}")
        regions = (LEFT_REGION, RIGHT_REGION)
        for side, (owner, region) in enumerate(zip(owners, regions, strict=True)):
            block = 10 + 2 * number + side
            vpcs = [owner.vpc(f"10.{block}.{vpc}.0/24", region=region) for vpc in range(networks)]
            provider = await onenet.providers.create(
                f"estate {number} {side}", service=service.id, account=owner.account, region=region
            )
            iam = owner.client("iam")
            iam.create_role(
                RoleName=provider.role_arn.rpartition("/")[2],
                AssumeRolePolicyDocument=json.dumps(provider.trust_policy),
            )
            await onenet.providers.discover(provider.id)

            async def discovered(wanted: UUID = provider.id, vpcs: list[str] = vpcs) -> list[Resource] | None:
                found = [one async for one in onenet.resources.find(provider=wanted) if one.native_id in vpcs]
                return found if len(found) == len(vpcs) else None

            found = await until(discovered, f"{networks} networks of {owner.account} to be discovered")
            (made.lefts if side == 0 else made.rights).extend(found)
        yield made
    cloud.close()
