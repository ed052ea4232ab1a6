"""Many networks in two accounts of one owner, registered with OneNet, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TypeVar
from uuid import UUID

from onenet_client.client import Client
from onenet_client.models import Connection, Resource
from onenet_common import states
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_local.demo.people import sign_in
from onenet_local.stack import Stack

PATIENCE = 90.0
"""Seconds after which something that was to happen counts as not happening."""

LEFT_REGION, RIGHT_REGION = "eu-west-1", "us-east-1"
LIVE_STATES = frozenset(state.value for state in states.LIVE)
LIVE = ("initiating-request", "pending-acceptance", "provisioning", "active")

_numbers = count(1)
T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str, pause: float = 0.2) -> T:
    """What ``look`` finds, as soon as it finds something; ``pause`` seconds between looks."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE
    while (found := await look()) is None:
        assert clock() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        await asyncio.sleep(pause)
    return found


@dataclass
class Estate:
    """Two accounts' networks, each left one to be connected with each right one."""

    onenet: Client
    service: UUID
    block: int
    """The second number of the left networks' addresses; the right ones have the next one."""
    left: Owner
    right: Owner
    providers: tuple[UUID, ...] = ()
    lefts: list[Resource] = field(default_factory=list)
    rights: list[Resource] = field(default_factory=list)
    _subnets: Iterator[int] = field(default_factory=count)

    @property
    def pairs(self) -> list[tuple[UUID, UUID]]:
        return [(left.id, right.id) for left in self.lefts for right in self.rights]

    def live_peerings(self) -> Counter[tuple[str, str]]:
        """How many live peerings each pair of VPCs has, as the left account sees them."""
        mine = {resource.native_id for resource in self.lefts}
        pages = self.left.client("ec2", LEFT_REGION).get_paginator("describe_vpc_peering_connections")
        return Counter(
            (peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"])
            for page in pages.paginate()
            for peering in page["VpcPeeringConnections"]
            if peering["Status"]["Code"] in LIVE and peering["RequesterVpcInfo"]["VpcId"] in mine
        )

    def expected_peerings(self) -> Counter[tuple[str, str]]:
        """One for each pair."""
        return Counter((left.native_id, right.native_id) for left in self.lefts for right in self.rights)

    def peering_routes(self) -> int:
        """Routes over peerings in the networks of both accounts."""
        found = 0
        sides = ((self.left, LEFT_REGION, self.lefts), (self.right, RIGHT_REGION, self.rights))
        for owner, region, networks in sides:
            mine = {resource.native_id for resource in networks}
            pages = owner.client("ec2", region).get_paginator("describe_route_tables")
            tables = [one for page in pages.paginate() for one in page["RouteTables"] if one["VpcId"] in mine]
            found += sum("VpcPeeringConnectionId" in route for table in tables for route in table["Routes"])
        return found

    async def resource(self, native_id: str) -> UUID | None:
        """OneNet's id of a network, once it is discovered."""
        found = [one.id async for one in self.onenet.resources.find() if one.native_id == native_id]
        return found[0] if found else None

    async def connections(self) -> list[Connection]:
        """Those of this estate's networks."""
        mine = {resource.id for resource in self.lefts}
        ours = self.onenet.connections.find(service=self.service)
        return [one async for one in ours if one.resource_left in mine]

    async def states(self) -> Counter[str]:
        """How many connections are in each state."""
        return Counter([one.state for one in await self.connections()])

    async def let_in(self, owner: Owner, region: str) -> UUID:
        """Register an account as a provider, and have its owner let OneNet in."""
        provider = await self.onenet.providers.create(
            f"{owner.account} {region}", service=self.service, account=owner.account, region=region
        )
        owner.client("iam").create_role(
            RoleName=provider.role_arn.rpartition("/")[2],
            AssumeRolePolicyDocument=json.dumps(provider.trust_policy),
        )
        return provider.id

    async def _discovered(
        self, owner: Owner, region: str, provider: UUID, block: int, numbers: Sequence[int]
    ) -> list[Resource]:
        """Make networks, and wait until OneNet knows of them."""
        vpcs = [owner.vpc(f"10.{block}.{number}.0/24", region=region) for number in numbers]
        await self.onenet.providers.discover(provider)

        async def found() -> list[Resource] | None:
            all_there_are = self.onenet.resources.find(provider=provider)
            mine = [one async for one in all_there_are if one.native_id in vpcs]
            return mine if len(mine) == len(vpcs) else None

        return await until(found, f"{len(vpcs)} networks of {owner.account} to be discovered")

    async def more(self, networks: int) -> Estate:
        """The same two accounts, with so many further networks on each side and without those before."""
        numbers = list(islice(self._subnets, networks))
        left, right = await asyncio.gather(
            self._discovered(self.left, LEFT_REGION, self.providers[0], self.block, numbers),
            self._discovered(self.right, RIGHT_REGION, self.providers[1], self.block + 1, numbers),
        )
        return replace(self, lefts=left, rights=right)

    async def disconnect(self) -> None:
        """Ask for the end of its connections: whatever stands is watched for ever."""
        standing = [one.id for one in await self.connections() if one.state in LIVE_STATES - {"DELETING"}]
        await asyncio.gather(*(self.onenet.connections.delete(one) for one in standing))

    async def take_down(self) -> None:
        """End its connections, and forget the providers, which would be discovered for ever."""
        await self.disconnect()

        async def over() -> bool | None:
            all_there_are = [one async for one in self.onenet.connections.find(service=self.service)]
            return True if LIVE_STATES.isdisjoint(one.state for one in all_there_are) else None

        await until(over, "all connections to end")
        for provider in self.providers:
            await self.onenet.providers.delete(provider)


@asynccontextmanager
async def estate(
    stack: Stack, *, networks: int, user: str = "alice", kept: bool = False
) -> AsyncIterator[Estate]:
    """Make ``networks`` VPCs in each of two fresh accounts and have them discovered.

    Args:
        networks: 0 for the accounts alone, to which ``more`` adds some.
        kept: whether OneNet's part of it stays when the block is left in order.
    """
    cloud = LocalCloud(stack.addresses.cloud)
    number = next(_numbers)
    owners = Owner(cloud, f"3{number:011}"), Owner(cloud, f"4{number:011}")
    async with await sign_in(stack.addresses.api, user) as onenet:
        service = await onenet.services.create(f"estate {number}")
        empty = Estate(onenet, service.id, 10 + 2 * number, *owners)
        let_in = (empty.let_in(owners[0], LEFT_REGION), empty.let_in(owners[1], RIGHT_REGION))
        accounts = replace(empty, providers=tuple(await asyncio.gather(*let_in)))
        made = await accounts.more(networks) if networks else accounts
        yield made
        if not kept:
            await made.take_down()
    cloud.close()
