"""From the answers of describe calls to what the decision looks at: pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, Literal

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
    Route,
    Table,
    Traffic,
)

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


def routes_of(routes: Iterable[dict[str, Any]]) -> Iterable[Route]:
    """Routes to blocks; those to prefix lists lead to AWS's own services."""
    for route in routes:
        block = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if block is not None:
            target = next((route[name] for name in _TARGETS if route.get(name)), "an unknown target")
            propagated = route.get("Origin") == "EnableVgwRoutePropagation"
            yield Route(ip_network(block), target, route.get("State") == "active", propagated)


def blocks_of(vpc: dict[str, Any]) -> Iterable[Network]:
    """The CIDR blocks that the VPC has now."""
    for associations, block, state in (
        ("CidrBlockAssociationSet", "CidrBlock", "CidrBlockState"),
        ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"),
    ):
        for association in vpc.get(associations, []):
            if association[state]["State"] == "associated":
                yield ip_network(association[block])


def first_address_of(subnet: dict[str, Any]) -> Address:
    """The first address that AWS gives out."""
    return ip_network(subnet["CidrBlock"])[RESERVED]


def acl_of(acl: dict[str, Any]) -> Acl:
    """The network ACL with all its entries, the last resort among them."""
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


def group_of(group: dict[str, Any]) -> Group:
    """The security group; rules for prefix lists let nobody of a VPC through and are left out."""
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


def table_of(table: dict[str, Any]) -> Table:
    return Table(table["RouteTableId"], tuple(routes_of(table["Routes"])))


def peering_of(peering: dict[str, Any]) -> Peering:
    ends = peering["RequesterVpcInfo"], peering["AccepterVpcInfo"]
    vpcs = frozenset(end["VpcId"] for end in ends)
    return Peering(peering["VpcPeeringConnectionId"], peering["Status"]["Code"], vpcs)
