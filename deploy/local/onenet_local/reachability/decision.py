"""The decision: pure, from what was read to a proof or the reasons against it.

A packet out passes the source's security groups, its subnet's network ACL and route table,
what the route leads to, and the destination's ACL and groups. The answer passes both ACLs and
the destination's route table; security groups are stateful and let it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onenet_local.reachability.model import (
    LOCAL,
    Acl,
    Address,
    Packet,
    Peering,
    Place,
    Protocol,
    Route,
    Table,
)

EPHEMERAL = range(1024, 65_536)
"""Ports that clients receive answers on: all of them must pass, whatever the client's system is.
Source: AWS, "Ephemeral ports" in the VPC user guide."""

ECHO_REQUEST, ECHO_REPLY = 8, 0


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict.

    Args:
        passes: whether a packet gets there and its answer back.
        hops: the way there and back as far as it leads.
        reasons: one sentence for each thing in the way; empty when it passes.
    """

    passes: bool
    hops: tuple[str, ...]
    reasons: tuple[str, ...]


def decide(source: Place, destination: Place, protocol: Protocol, port: int | None = None) -> Proof:
    """Judge whether ``source`` can open a flow to ``destination``.

    Args:
        port: the destination's port; required for TCP and UDP, ignored for ICMP, where an echo
            request and its reply are judged.

    Raises:
        ValueError: when the port is missing.
    """
    wanted = ECHO_REQUEST if protocol == "icmp" else port
    if wanted is None:
        raise ValueError(f"{protocol} needs a port")
    out = Packet(source.address, destination.address, protocol, wanted)
    reasons = [
        *_not_owned(destination),
        *_groups_in_the_way(source, destination, out, egress=True),
        *_way(source, destination, protocol, range(wanted, wanted + 1)),
        *_groups_in_the_way(destination, source, out, egress=False),
        *_way(destination, source, protocol, _answered_on(protocol)),
    ]
    return Proof(not reasons, tuple(_hops(source, destination)), tuple(dict.fromkeys(reasons)))


def longest_match(table: Table, address: Address) -> Route | None:
    """The route that a packet to ``address`` takes."""
    matching = [
        route
        for route in table.routes
        if route.destination.version == address.version and address in route.destination
    ]
    return max(matching, key=lambda route: (route.destination.prefixlen, not route.propagated), default=None)


def acl_allows(acl: Acl, packet: Packet, *, egress: bool) -> bool:
    """Whether a network ACL lets one packet through; what no entry matches is denied."""
    peer = packet.destination if egress else packet.source
    for entry in sorted(acl.entries, key=lambda entry: entry.number):
        if (
            entry.egress is egress
            and entry.block.version == peer.version
            and peer in entry.block
            and entry.traffic.covers(packet)
        ):
            return entry.allows
    return False


def _answered_on(protocol: Protocol) -> range:
    return range(ECHO_REPLY, ECHO_REPLY + 1) if protocol == "icmp" else EPHEMERAL


def _way(here: Place, there: Place, protocol: Protocol, ports: range) -> Iterator[str]:
    """What is in the way between two subnets, in one direction."""
    if here.subnet != there.subnet:
        for place, egress in ((here, True), (there, False)):
            for port in _telling(place.acl, ports):
                packet = Packet(here.address, there.address, protocol, port)
                if not acl_allows(place.acl, packet, egress=egress):
                    yield _acl_reason(place, packet, egress=egress)
                    break
    yield from _route_in_the_way(here, there)


def _telling(acl: Acl, ports: range) -> list[int]:
    """The ports that tell of all: between the borders of its entries an ACL treats them alike."""
    borders = {entry.traffic.first for entry in acl.entries} | {
        entry.traffic.last + 1 for entry in acl.entries
    }
    return sorted({ports.start, *(border for border in borders if border in ports)})


def _acl_reason(place: Place, packet: Packet, *, egress: bool) -> str:
    whither = f"out to {packet.destination}" if egress else f"in from {packet.source}"
    return f"{place.acl.id}, the network ACL of {place.subnet}, does not let {_named(packet)} {whither}."


def _route_in_the_way(here: Place, there: Place) -> Iterator[str]:
    route = longest_match(here.table, there.address)
    if route is None:
        yield f"{here.table.id}, the route table of {here.subnet}, has no route to {there.address}."
        return
    way = f"{here.table.id}, the route table of {here.subnet}, sends {there.address} to {route.target}"
    if not route.active:
        yield f"{way}, which is a blackhole."
    elif route.target == LOCAL:
        if here.vpc != there.vpc:
            yield f"{way}: it stays in {here.vpc} and never reaches {there.vpc}."
    else:
        yield from _peering_in_the_way(here, there, route, way)


def _peering_in_the_way(here: Place, there: Place, route: Route, way: str) -> Iterator[str]:
    peering = _peering(here, route.target)
    if peering is None:
        yield f"{way}, which is no peering of {here.vpc}."
    elif peering.status != "active":
        yield f"{way}, a peering that is {peering.status} and not active."
    elif peering.vpcs != {here.vpc, there.vpc}:
        yield f"{way}, a peering that does not join {here.vpc} and {there.vpc}."


def _peering(place: Place, target: str) -> Peering | None:
    return next((peering for peering in place.peerings if peering.id == target), None)


def _groups_in_the_way(place: Place, peer: Place, packet: Packet, *, egress: bool) -> Iterator[str]:
    address = packet.destination if egress else packet.source
    # A group of a peer VPC can be referred to within one region alone.
    members = {group.id for group in peer.groups} if place.region == peer.region else set()
    for group in place.groups:
        for rule in group.rules:
            if rule.egress is egress and rule.traffic.covers(packet):
                if members.intersection(rule.groups):
                    return
                if any(block.version == address.version and address in block for block in rule.blocks):
                    return
    names = " and ".join(group.id for group in place.groups) or "no security group"
    whither = f"out to {address}" if egress else f"in from {address}"
    yield f"{names} at {place.address} does not let {_named(packet)} {whither}."


def _not_owned(place: Place) -> Iterator[str]:
    if not any(block.version == place.address.version and place.address in block for block in place.blocks):
        yield f"{place.address} is no address of {place.vpc}."


def _named(packet: Packet) -> str:
    if packet.protocol == "icmp":
        return "ICMP echo requests" if packet.port == ECHO_REQUEST else "ICMP echo replies"
    return f"{packet.protocol.upper()} port {packet.port}"


def _hops(source: Place, destination: Place) -> Iterator[str]:
    yield source.name
    yield from _leg(source, destination)
    yield destination.name
    yield from _leg(destination, source)
    yield source.name


def _leg(here: Place, there: Place) -> Iterator[str]:
    route = longest_match(here.table, there.address)
    if route is not None:
        yield f"{here.table.id}: {route.destination} via {route.target}"
