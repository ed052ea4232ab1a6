"""Reads what decides about an endpoint's packets, with describe calls alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from onenet_local.reachability import answers
from onenet_local.reachability.decision import Proof, decide
from onenet_local.reachability.model import Peering, Place, Protocol, Table

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client

# Each describe operation and the name of the list in its answer.
INTERFACES = ("describe_network_interfaces", "NetworkInterfaces")
SUBNETS = ("describe_subnets", "Subnets")
VPCS = ("describe_vpcs", "Vpcs")
TABLES = ("describe_route_tables", "RouteTables")
ACLS = ("describe_network_acls", "NetworkAcls")
GROUPS = ("describe_security_groups", "SecurityGroups")
PEERINGS = ("describe_vpc_peering_connections", "VpcPeeringConnections")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where packets start or end: a network interface, or a place in a subnet without one.

    Args:
        interface: its subnet, primary address and groups are then read from it.
        subnet: needed when there is no interface.
        address: by default the first one of the subnet that AWS gives out.
        security_groups: by default the VPC's default group.
    """

    account: str
    region: str
    interface: str | None = None
    subnet: str | None = None
    address: str | None = None
    security_groups: tuple[str, ...] = ()


async def prove(
    source_ec2: EC2Client,
    destination_ec2: EC2Client,
    source: Endpoint,
    destination: Endpoint,
    protocol: Protocol,
    port: int | None = None,
) -> Proof:
    """Read both ends and judge whether ``source`` can open a flow to ``destination``.

    Args:
        source_ec2: a client in the source's account and region, with time limits of its own;
            likewise the other.
        port: the destination's port, for TCP and UDP.

    Raises:
        ClientError: when an endpoint is not there or may not be read.
        ValueError: when an endpoint says too little, or the port is missing.
    """
    places = await asyncio.gather(read(source_ec2, source), read(destination_ec2, destination))
    return decide(*places, protocol, port)


async def read(ec2: EC2Client, endpoint: Endpoint) -> Place:
    """Read everything around one endpoint; raises as ``prove`` does."""
    endpoint = await _located(ec2, endpoint)
    subnet = (await _all(ec2, SUBNETS, SubnetIds=[endpoint.subnet]))[0]
    subnet_id, vpc_id = subnet["SubnetId"], subnet["VpcId"]
    vpcs, table, acls, groups, peerings = await asyncio.gather(
        _all(ec2, VPCS, VpcIds=[vpc_id]),
        _table(ec2, subnet_id, vpc_id),
        _all(ec2, ACLS, Filters=_where(("association.subnet-id", subnet_id))),
        _groups(ec2, vpc_id, endpoint.security_groups),
        _peerings(ec2, vpc_id),
    )
    return Place(
        account=endpoint.account,
        region=endpoint.region,
        vpc=vpc_id,
        blocks=tuple(answers.blocks_of(vpcs[0])),
        subnet=subnet_id,
        address=ip_address(endpoint.address) if endpoint.address else answers.first_address_of(subnet),
        table=table,
        acl=answers.acl_of(acls[0]),
        groups=tuple(answers.group_of(group) for group in groups),
        peerings=peerings,
    )


async def _located(ec2: EC2Client, endpoint: Endpoint) -> Endpoint:
    """The endpoint with what its interface tells of it."""
    if endpoint.interface is None:
        if endpoint.subnet is None:
            raise ValueError("an endpoint needs an interface or a subnet")
        return endpoint
    interface = (await _all(ec2, INTERFACES, NetworkInterfaceIds=[endpoint.interface]))[0]
    return replace(
        endpoint,
        subnet=interface["SubnetId"],
        address=interface["PrivateIpAddress"],
        security_groups=tuple(group["GroupId"] for group in interface["Groups"]),
    )


async def _table(ec2: EC2Client, subnet_id: str, vpc_id: str) -> Table:
    """The route table of the subnet, else the main one of the VPC."""
    found = await _all(ec2, TABLES, Filters=_where(("association.subnet-id", subnet_id)))
    if not found:
        main = _where(("vpc-id", vpc_id), ("association.main", "true"))
        found = await _all(ec2, TABLES, Filters=main)
    return answers.table_of(found[0])


async def _groups(ec2: EC2Client, vpc_id: str, ids: tuple[str, ...]) -> list[Any]:
    if ids:
        return await _all(ec2, GROUPS, GroupIds=list(ids))
    return await _all(ec2, GROUPS, Filters=_where(("vpc-id", vpc_id), ("group-name", "default")))


async def _peerings(ec2: EC2Client, vpc_id: str) -> tuple[Peering, ...]:
    ends = ("requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id")
    found = await asyncio.gather(*(_all(ec2, PEERINGS, Filters=_where((end, vpc_id))) for end in ends))
    return tuple(answers.peering_of(peering) for one_end in found for peering in one_end)


async def _all(ec2: Any, what: tuple[str, str], **arguments: Any) -> list[Any]:
    """Every item of every page."""
    operation, items = what
    paginator = ec2.get_paginator(operation)
    return [item async for page in paginator.paginate(**arguments) for item in page[items]]


def _where(*filters: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in filters]
