"""What an AWS account has in one region: its VPCs, with what a path needs to know of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid5

import structlog

from onenet_common.addresses import CidrSet
from onenet_common.connection import ExistingPath, Provider, Quota, Resource
from onenet_common.errors import Permanent
from onenet_provisioner.drivers.aws.errors import Missing
from onenet_provisioner.drivers.aws.pacing import Kind
from onenet_provisioner.drivers.aws.peering_answers import ends, in_use, tags
from onenet_provisioner.drivers.aws.peering_model import CONNECTION_TAG, LIVE
from onenet_provisioner.drivers.aws.sessions import Sessions

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_ec2.type_defs import RouteTableTypeDef, VpcPeeringConnectionTypeDef, VpcTypeDef

log = structlog.get_logger(__name__)

PEERINGS = "L-7E9ECCDB"
ROUTES = "L-93826ACB"
DEFAULT_LIMITS = {PEERINGS: 50, ROUTES: 500}
"""Active peerings of a VPC and routes of a table. Source: Amazon VPC quotas, 2026-11."""

PAGE = 100


class AwsDiscovery:
    """Looks at one provider: VPCs, peerings, route tables, two quotas, Elastic IP addresses."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def discover(self, provider: Provider) -> list[Resource]:
        """Every VPC that the account owns in the provider's region, by id.

        Raises:
            Permanent: the account does not let OneNet in.
            Transient: it may next time.
        """
        vpcs = await self._vpcs(provider)  # alone at first: one refusal says it all
        peerings, tables, peering_limit, route_limit, public = await asyncio.gather(
            self._peerings(provider),
            self._tables(provider),
            self._limit(provider, PEERINGS),
            self._limit(provider, ROUTES),
            self._public_addresses(provider),
        )
        return [
            _resource(
                provider,
                vpc,
                _paths(vpc, peerings),
                quotas={
                    "peerings": _quota(len(_paths(vpc, peerings)), peering_limit),
                    "routes": _quota(_routes(vpc, tables), route_limit),
                },
                public_addresses=tuple(sorted(public.get(vpc["VpcId"], ()))),
            )
            for vpc in sorted(vpcs, key=lambda vpc: vpc["VpcId"])
            if vpc.get("OwnerId", provider.account) == provider.account
        ]

    async def _vpcs(self, provider: Provider) -> list[VpcTypeDef]:
        async with self._sessions.ec2(provider, Kind.DESCRIBE) as ec2:
            pages = ec2.get_paginator("describe_vpcs").paginate(PaginationConfig={"PageSize": PAGE})
            return [vpc async for page in pages for vpc in page["Vpcs"]]

    async def _peerings(self, provider: Provider) -> list[VpcPeeringConnectionTypeDef]:
        async with self._sessions.ec2(provider, Kind.DESCRIBE) as ec2:
            paginator = ec2.get_paginator("describe_vpc_peering_connections")
            pages = paginator.paginate(
                Filters=[{"Name": "status-code", "Values": LIVE}], PaginationConfig={"PageSize": PAGE}
            )
            found = [peering async for page in pages for peering in page["VpcPeeringConnections"]]
        return [peering for peering in found if peering["Status"]["Code"] in LIVE]

    async def _tables(self, provider: Provider) -> list[RouteTableTypeDef]:
        async with self._sessions.ec2(provider, Kind.DESCRIBE) as ec2:
            pages = ec2.get_paginator("describe_route_tables").paginate(PaginationConfig={"PageSize": PAGE})
            return [table async for page in pages for table in page["RouteTables"]]

    async def _public_addresses(self, provider: Provider) -> dict[str, list[str]]:
        """Elastic IP addresses in use by VPC; none where they may not be looked at.

        Addresses that AWS lends an instance until it stops are left out: they change hands.
        """
        try:
            async with self._sessions.ec2(provider, Kind.DESCRIBE) as ec2:
                addresses = (await ec2.describe_addresses())["Addresses"]
                used = {
                    address["NetworkInterfaceId"]: address["PublicIp"]
                    for address in addresses
                    if address.get("NetworkInterfaceId")
                }
                networks = await _networks_of(ec2, list(used))
        except (Missing, Permanent) as error:
            log.warning("aws.public_addresses_unknown", provider=str(provider.id), code=error.code)
            return {}
        found: dict[str, list[str]] = {}
        for interface, network in networks.items():
            found.setdefault(network, []).append(used[interface])
        return found

    async def _limit(self, provider: Provider, code: str) -> tuple[int, str]:
        """The limit in force and where it was read; AWS's default where it may not be asked for."""
        try:
            async with self._sessions.quotas(provider) as quotas:
                answer = await quotas.get_service_quota(ServiceCode="vpc", QuotaCode=code)
        except (Missing, Permanent) as error:
            return DEFAULT_LIMITS[code], f"default ({error.code})"
        return int(answer["Quota"]["Value"]), f"service-quotas {code}"


async def _networks_of(ec2: EC2Client, interfaces: list[str]) -> dict[str, str]:
    """The VPC of each network interface."""
    found: dict[str, str] = {}
    for start in range(0, len(interfaces), PAGE):
        answer = await ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces[start : start + PAGE])
        found |= {one["NetworkInterfaceId"]: one["VpcId"] for one in answer["NetworkInterfaces"]}
    return found


def _resource(
    provider: Provider,
    vpc: VpcTypeDef,
    paths: tuple[ExistingPath, ...],
    *,
    quotas: dict[str, Quota],
    public_addresses: tuple[str, ...],
) -> Resource:
    primary = vpc["CidrBlock"]
    others = CidrSet.of({*_blocks(vpc)} - {primary})
    return Resource(
        id=uuid5(provider.id, vpc["VpcId"]),
        name=f"{provider.provider_type}\\{vpc['VpcId']}",
        service=provider.service,
        provider=provider.id,
        provider_type=provider.provider_type,
        account=provider.account,
        region=provider.region,
        native_id=vpc["VpcId"],
        subnet=primary,
        subnets=(primary, *others),
        tags=tags(vpc.get("Tags", ())),
        quotas=quotas,
        paths=paths,
        public_addresses=public_addresses,
    )


def _quota(used: int, limit: tuple[int, str]) -> Quota:
    return Quota(used=used, limit=limit[0], source=limit[1])


def _blocks(vpc: VpcTypeDef) -> Iterator[str]:
    """Blocks that packets can carry now, not those that are being added or taken away."""
    for block in vpc.get("CidrBlockAssociationSet", ()):
        if block["CidrBlockState"]["State"] == "associated":
            yield block["CidrBlock"]
    for block6 in vpc.get("Ipv6CidrBlockAssociationSet", ()):
        if block6["Ipv6CidrBlockState"]["State"] == "associated":
            yield block6["Ipv6CidrBlock"]


def _paths(vpc: VpcTypeDef, peerings: list[VpcPeeringConnectionTypeDef]) -> tuple[ExistingPath, ...]:
    return tuple(
        _path(vpc["VpcId"], peering)
        for peering in sorted(peerings, key=lambda peering: peering["VpcPeeringConnectionId"])
        if vpc["VpcId"] in ends(peering)
    )


def _path(vpc: str, peering: VpcPeeringConnectionTypeDef) -> ExistingPath:
    requester, accepter = peering["RequesterVpcInfo"], peering["AccepterVpcInfo"]
    peer = accepter if requester["VpcId"] == vpc else requester
    return ExistingPath(
        native_id=peering["VpcPeeringConnectionId"],
        peer_native_id=peer["VpcId"],
        peer_account=peer.get("OwnerId", ""),
        peer_region=peer.get("Region", ""),
        status=peering["Status"]["Code"],
        ours=CONNECTION_TAG in tags(peering.get("Tags", ())),
    )


def _routes(vpc: VpcTypeDef, tables: list[RouteTableTypeDef]) -> int:
    """Routes in the fullest table in use; local and propagated ones do not count against the quota."""
    return max(
        (
            sum(route.get("Origin") == "CreateRoute" for route in table.get("Routes", ()))
            for table in tables
            if table["VpcId"] == vpc["VpcId"] and in_use(table)
        ),
        default=0,
    )
