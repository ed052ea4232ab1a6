"""What was read of the cloud: values, without behaviour beyond matching."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Protocol = Literal["tcp", "udp", "icmp"]

LOCAL = "local"
ANY = -1
"""A protocol or port that stands for every one."""

NUMBERS: dict[Protocol, int] = {"icmp": 1, "tcp": 6, "udp": 17}


@dataclass(frozen=True, slots=True)
class Packet:
    """What a rule looks at.

    Args:
        port: the destination port; for ICMP the message's type.
    """

    source: Address
    destination: Address
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """Protocol numbers as IANA's (-1: all) and inclusive ports (-1: all) that a rule speaks of."""

    protocol: int = ANY
    first: int = ANY
    last: int = ANY

    def covers(self, packet: Packet) -> bool:
        if self.protocol == ANY:
            return True
        if self.protocol != NUMBERS[packet.protocol]:
            return False
        if self.first == ANY:
            return True
        # For ICMP the two numbers are type and code, not a range.
        last = self.first if packet.protocol == "icmp" else self.last
        return self.first <= packet.port <= last


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One numbered rule of a network ACL; the lowest number that matches decides."""

    number: int
    egress: bool
    allows: bool
    block: Network
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Acl:
    id: str
    entries: tuple[AclEntry, ...]


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One rule of a security group, for blocks or for members of other groups."""

    egress: bool
    traffic: Traffic
    blocks: tuple[Network, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    rules: tuple[GroupRule, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of a route table. ``propagated`` ones yield to static ones of the same block."""

    destination: Network
    target: str
    active: bool = True
    propagated: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    id: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering as one side sees it."""

    id: str
    status: str
    vpcs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint and everything around it that decides about its packets."""

    account: str
    region: str
    vpc: str
    blocks: tuple[Network, ...]
    subnet: str
    address: Address
    table: Table
    acl: Acl
    groups: tuple[Group, ...]
    peerings: tuple[Peering, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.address} in {self.subnet} of {self.vpc}"
