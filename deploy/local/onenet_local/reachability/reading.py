"""Reads what decides about an endpoint's packets, with describe calls alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Literal

from onenet_local.reachability.decision import Proof, decide
from onenet_local.reachability.model import (
    ANY,
    NUMBERS,
    Acl,
    AclEntry,
    Address,
    Group,
    GroupRule,
    Network,
    Peering,
    Place,
    Protocol,
    Route,
    Table,
    Traffic,
)

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client

RESERVED = 4
"""The first addresses of a subnet, which AWS keeps to itself."""

_TARGETS = (
    "GatewayId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "EgressOnlyInternetGatewayId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
)


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
        source_ec2: a client in the source's account and region; likewise the other.
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
    subnet = (await _all(ec2, "describe_subnets", "Subnets", SubnetIds=[endpoint.subnet]))[0]
    vpc_id = subnet["VpcId"]
    vpcs, table, acls, groups, peerings = await asyncio.gather(
        _all(ec2, "describe_vpcs", "Vpcs", VpcIds=[vpc_id]),
        _table(ec2, subnet),
        _all(
            ec2,
            "describe_network_acls",
            "NetworkAcls",
            **_filter("association.subnet-id", subnet["SubnetId"]),
        ),
        _groups(ec2, vpc_id, endpoint.security_groups),
        _peerings(ec2, vpc_id),
    )
    return Place(
        account=endpoint.account,
        region=endpoint.region,
        vpc=vpc_id,
        blocks=tuple(_blocks(vpcs[0])),
        subnet=subnet["SubnetId"],
        address=ip_address(endpoint.address) if endpoint.address else _first_address(subnet),
        table=table,
        acl=_acl(acls[0]),
        groups=tuple(_group(group) for group in groups),
        peerings=peerings,
    )


async def _located(ec2: EC2Client, endpoint: Endpoint) -> Endpoint:
    if endpoint.interface is None:
        if endpoint.subnet is None:
            raise ValueError("an endpoint needs an interface or a subnet")
        return endpoint
    ids = [endpoint.interface]
    found = await _all(ec2, "describe_network_interfaces", "NetworkInterfaces", NetworkInterfaceIds=ids)
    return Endpoint(
        account=endpoint.account,
        region=endpoint.region,
        interface=endpoint.interface,
        subnet=found[0]["SubnetId"],
        address=found[0]["PrivateIpAddress"],
        security_groups=tuple(group["GroupId"] for group in found[0]["Groups"]),
    )


async def _all(ec2: Any, operation: str, items: str, **arguments: Any) -> list[Any]:
    """Every item of every page."""
    paginator = ec2.get_paginator(operation)
    return [item async for page in paginator.paginate(**arguments) for item in page[items]]


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": list(values)}]}


async def _table(ec2: EC2Client, subnet: dict[str, Any]) -> Table:
    """The route table of the subnet, else the main one of the VPC."""
    own = await _all(
        ec2, "describe_route_tables", "RouteTables", **_filter("association.subnet-id", subnet["SubnetId"])
    )
    tables = own or await _all(
        ec2,
        "describe_route_tables",
        "RouteTables",
        Filters=[
            *_filter("vpc-id", subnet["VpcId"])["Filters"],
            *_filter("association.main", "true")["Filters"],
        ],
    )
    return Table(tables[0]["RouteTableId"], tuple(_routes(tables[0]["Routes"])))


def _routes(routes: Iterable[dict[str, Any]]) -> Iterable[Route]:
    """Routes to blocks; those to prefix lists lead to AWS's own services."""
    for route in routes:
        block = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if block is not None:
            target = next((route[name] for name in _TARGETS if route.get(name)), "an unknown target")
            propagated = route.get("Origin") == "EnableVgwRoutePropagation"
            yield Route(ip_network(block), target, route.get("State") == "active", propagated)


def _blocks(vpc: dict[str, Any]) -> Iterable[Network]:
    for associations, block, state in (
        ("CidrBlockAssociationSet", "CidrBlock", "CidrBlockState"),
        ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"),
    ):
        for association in vpc.get(associations, []):
            if association[state]["State"] == "associated":
                yield ip_network(association[block])


def _first_address(subnet: dict[str, Any]) -> Address:
    return ip_network(subnet["CidrBlock"])[RESERVED]


def _acl(acl: dict[str, Any]) -> Acl:
    return Acl(acl["NetworkAclId"], tuple(_acl_entry(entry) for entry in acl["Entries"]))


def _acl_entry(entry: dict[str, Any]) -> AclEntry:
    ports, icmp = entry.get("PortRange", {}), entry.get("IcmpTypeCode", {})
    first = ports.get("From", icmp.get("Type", ANY))
    return AclEntry(
        number=entry["RuleNumber"],
        egress=entry["Egress"],
        allows=entry["RuleAction"] == "allow",
        block=ip_network(entry.get("CidrBlock") or entry["Ipv6CidrBlock"]),
        traffic=Traffic(int(entry["Protocol"]), first, ports.get("To", ANY)),
    )


async def _groups(ec2: EC2Client, vpc_id: str, ids: tuple[str, ...]) -> list[Any]:
    if ids:
        return await _all(ec2, "describe_security_groups", "SecurityGroups", GroupIds=list(ids))
    filters = [*_filter("vpc-id", vpc_id)["Filters"], *_filter("group-name", "default")["Filters"]]
    return await _all(ec2, "describe_security_groups", "SecurityGroups", Filters=filters)


def _group(group: dict[str, Any]) -> Group:
    sides: tuple[tuple[Literal["IpPermissions", "IpPermissionsEgress"], bool], ...] = (
        ("IpPermissions", False),
        ("IpPermissionsEgress", True),
    )
    return Group(
        group["GroupId"],
        tuple(_group_rule(rule, egress=egress) for side, egress in sides for rule in group[side]),
    )


def _group_rule(rule: dict[str, Any], *, egress: bool) -> GroupRule:
    blocks = [
        *(block["CidrIp"] for block in rule.get("IpRanges", [])),
        *(block["CidrIpv6"] for block in rule.get("Ipv6Ranges", [])),
    ]
    return GroupRule(
        egress=egress,
        traffic=Traffic(_protocol(rule["IpProtocol"]), rule.get("FromPort", ANY), rule.get("ToPort", ANY)),
        blocks=tuple(ip_network(block, strict=False) for block in blocks),
        groups=tuple(pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])),
    )


def _protocol(name: str) -> int:
    """The number of a protocol that AWS names; -1 stands for all."""
    match name:
        case "tcp" | "udp" | "icmp":
            return NUMBERS[name]
        case "icmpv6":
            return 58
        case _:
            return int(name)


async def _peerings(ec2: EC2Client, vpc_id: str) -> tuple[Peering, ...]:
    found = await asyncio.gather(
        *(
            _all(ec2, "describe_vpc_peering_connections", "VpcPeeringConnections", **_filter(name, vpc_id))
            for name in ("requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id")
        )
    )
    return tuple(
        Peering(
            peering["VpcPeeringConnectionId"],
            peering["Status"]["Code"],
            frozenset({peering["RequesterVpcInfo"]["VpcId"], peering["AccepterVpcInfo"]["VpcId"]}),
        )
        for side in found
        for peering in side
    )
