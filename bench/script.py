"""What OneNet is compared with: a plain asyncio script that makes one peering by the fewest calls.

It knows both accounts' keys, checks nothing that it was not told, and cannot be run twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aioboto3
from aiobotocore.config import AioConfig

from onenet_local.cloud.handle import LocalCloud

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_ec2.type_defs import (
        FilterTypeDef,
        PeeringConnectionOptionsRequestTypeDef,
        TagTypeDef,
    )


@dataclass(frozen=True, slots=True)
class Vpc:
    id: str
    cidr: str


Peering = tuple[Vpc, Vpc]


@dataclass(frozen=True, slots=True)
class Site:
    """An account and a region."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Script:
    """Peers VPCs of two sites, with a client for each."""

    left: EC2Client
    right: EC2Client
    right_site: Site

    async def peer_all(self, wanted: Sequence[Peering], *, concurrency: int) -> None:
        """Make many, so many at once."""
        slots = asyncio.Semaphore(concurrency)

        async def peer(peering: Peering) -> None:
            async with slots:
                await self.peer(*peering)

        await asyncio.gather(*(peer(peering) for peering in wanted))

    async def peer(self, left: Vpc, right: Vpc) -> None:
        """One peering with routes and DNS resolution on both sides."""
        pair: list[FilterTypeDef] = [
            {"Name": "requester-vpc-info.vpc-id", "Values": [left.id]},
            {"Name": "accepter-vpc-info.vpc-id", "Values": [right.id]},
        ]
        if (await self.left.describe_vpc_peering_connections(Filters=pair))["VpcPeeringConnections"]:
            raise RuntimeError(f"{left.id} and {right.id} are joined already")
        tags: list[TagTypeDef] = [{"Key": "made-by", "Value": "script"}]
        created = await self.left.create_vpc_peering_connection(
            VpcId=left.id,
            PeerVpcId=right.id,
            PeerOwnerId=self.right_site.account,
            PeerRegion=self.right_site.region,
            TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": tags}],
        )
        peering = created["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        await self.right.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        await self.right.create_tags(Resources=[peering], Tags=tags)
        on: PeeringConnectionOptionsRequestTypeDef = {"AllowDnsResolutionFromRemoteVpc": True}
        await self.left.modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=peering, RequesterPeeringConnectionOptions=on
        )
        await self.right.modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=on
        )
        await _route(self.left, left, right.cidr, peering)
        await _route(self.right, right, left.cidr, peering)


@asynccontextmanager
async def script(endpoint: str, left: Site, right: Site) -> AsyncIterator[Script]:
    """A script with its clients, which have made a call each: the first one takes much longer."""
    session = aioboto3.Session()
    async with _client(session, endpoint, left) as one, _client(session, endpoint, right) as other:
        await asyncio.gather(one.describe_vpcs(), other.describe_vpcs())
        yield Script(one, other, right)


async def _route(ec2: EC2Client, own: Vpc, destination: str, peering: str) -> None:
    answer = await ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [own.id]}])
    for table in answer["RouteTables"]:
        await ec2.create_route(
            RouteTableId=table["RouteTableId"],
            DestinationCidrBlock=destination,
            VpcPeeringConnectionId=peering,
        )


def _client(session: aioboto3.Session, endpoint: str, site: Site) -> AbstractAsyncContextManager[EC2Client]:
    client: AbstractAsyncContextManager[EC2Client] = session.client(
        "ec2",
        region_name=site.region,
        config=AioConfig(connect_timeout=5, read_timeout=30, max_pool_connections=50),
        **LocalCloud(endpoint).owner(site.account),
    )
    return client
