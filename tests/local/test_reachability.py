"""The referee: whether packets pass between two endpoints, and what is in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import aioboto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.cloud.owner import REGION, Owner
from onenet_local.reachability import Endpoint, Proof, decide, prove
from onenet_local.reachability.decision import EPHEMERAL, acl_allows, longest_match
from onenet_local.reachability.model import (
    Acl,
    AclEntry,
    Group,
    GroupRule,
    Packet,
    Peering,
    Place,
    Route,
    Table,
    Traffic,
)

FAR = "eu-north-1"
EVERYWHERE = ip_network("0.0.0.0/0")
OPEN_GROUP = Group(
    "sg-open", (GroupRule(True, Traffic(), (EVERYWHERE,)), GroupRule(False, Traffic(), (EVERYWHERE,)))
)
OPEN_ACL = Acl(
    "acl-open",
    (AclEntry(100, True, True, EVERYWHERE, Traffic()), AclEntry(100, False, True, EVERYWHERE, Traffic())),
)
PEERING = Peering("pcx-1", "active", frozenset({"vpc-a", "vpc-b"}))


def place(letter: str, block: str, peer: str, **changes: Any) -> Place:
    """An endpoint with everything open and a route through the peering to ``peer``."""
    network = ip_network(block)
    routes = (Route(network, "local"), Route(ip_network(peer), PEERING.id))
    made = Place(
        account="111111111111",
        region=REGION,
        vpc=f"vpc-{letter}",
        blocks=(network,),
        subnet=f"subnet-{letter}",
        address=network[10],
        table=Table(f"rtb-{letter}", routes),
        acl=OPEN_ACL,
        groups=(OPEN_GROUP,),
        peerings=(PEERING,),
    )
    return replace(made, **changes)


A = place("a", "10.1.0.0/16", "10.2.0.0/16")
B = place("b", "10.2.0.0/16", "10.1.0.0/16")


def tcp(*ports: int) -> Traffic:
    return Traffic(6, ports[0], ports[-1])


def routed(*routes: Route) -> Table:
    return Table("rtb-x", routes)


def acl(*entries: AclEntry) -> Acl:
    return Acl("acl-x", entries)


def entry(number: int, *, out: bool, allows: bool, traffic: Traffic, block: str = "0.0.0.0/0") -> AclEntry:
    return AclEntry(number, out, allows, ip_network(block), traffic)


def members(*rules: GroupRule) -> tuple[Group, ...]:
    return (Group("sg-x", rules),)


def test_everything_open_passes_and_tells_the_way_there_and_back() -> None:
    proof = decide(A, B, "tcp", 443)
    assert proof == Proof(
        True,
        (
            "10.1.0.10 in subnet-a of vpc-a",
            "rtb-a: 10.2.0.0/16 via pcx-1",
            "10.2.0.10 in subnet-b of vpc-b",
            "rtb-b: 10.1.0.0/16 via pcx-1",
            "10.1.0.10 in subnet-a of vpc-a",
        ),
        (),
    )


LOCAL_A, LOCAL_B = A.table.routes[0], B.table.routes[0]
OUT, BACK = A.table.routes[1], B.table.routes[1]
HALF_OPEN = replace(B, acl=acl(entry(1, out=False, allows=True, traffic=tcp(443))))
DEAD_END = Route(ip_network("10.2.0.0/24"), "igw-1")


@pytest.mark.parametrize(
    ("source", "destination", "reason"),
    [
        (replace(A, table=routed(LOCAL_A)), B, "has no route to 10.2.0.10"),
        (A, replace(B, table=routed(LOCAL_B)), "has no route to 10.1.0.10"),
        (replace(A, table=routed(LOCAL_A, replace(OUT, active=False))), B, "which is a blackhole"),
        (A, replace(B, table=routed(LOCAL_B, replace(BACK, active=False))), "which is a blackhole"),
        (
            replace(A, table=routed(LOCAL_A, OUT, DEAD_END)),
            B,
            "sends 10.2.0.10 to igw-1, which is no peering",
        ),
        (
            replace(A, peerings=(replace(PEERING, status="provisioning"),)),
            B,
            "that is provisioning and not active",
        ),
        (
            replace(A, peerings=(replace(PEERING, vpcs=frozenset({"vpc-a", "vpc-c"})),)),
            B,
            "does not join vpc-a and vpc-b",
        ),
        (replace(A, table=routed(Route(ip_network("10.0.0.0/8"), "local"))), B, "never reaches vpc-b"),
        (A, replace(B, address=ip_address("10.3.0.1")), "10.3.0.1 is no address of vpc-b"),
        (replace(A, acl=acl()), B, "the network ACL of subnet-a, does not let TCP port 443 out to 10.2.0.10"),
        (
            A,
            replace(B, acl=acl()),
            "the network ACL of subnet-b, does not let TCP port 443 in from 10.1.0.10",
        ),
        (A, HALF_OPEN, "the network ACL of subnet-b, does not let TCP port 1024 out to 10.1.0.10"),
        (replace(A, groups=members()), B, "sg-x at 10.1.0.10 does not let TCP port 443 out to 10.2.0.10"),
        (A, replace(B, groups=members()), "sg-x at 10.2.0.10 does not let TCP port 443 in from 10.1.0.10"),
        (A, replace(B, groups=()), "no security group at 10.2.0.10"),
    ],
)
def test_each_obstacle_is_seen_and_said(source: Place, destination: Place, reason: str) -> None:
    proof = decide(source, destination, "tcp", 443)
    assert not proof.passes
    assert any(reason in sentence for sentence in proof.reasons), proof.reasons


def test_every_obstacle_is_said_at_once() -> None:
    shut = replace(B, groups=members(), table=routed(LOCAL_B), acl=acl())
    assert len(decide(A, shut, "tcp", 443).reasons) == 4


def test_within_a_vpc_the_local_route_is_the_way() -> None:
    neighbour = replace(A, subnet="subnet-c", address=ip_address("10.1.9.9"))
    assert decide(A, neighbour, "udp", 53).passes


def test_within_a_subnet_the_network_acl_has_no_say() -> None:
    shut = replace(A, acl=acl())
    assert decide(shut, replace(shut, address=ip_address("10.1.0.11")), "tcp", 443).passes


def test_a_member_of_a_group_passes_by_its_group_within_one_region_alone() -> None:
    trusting = replace(B, groups=members(GroupRule(False, tcp(443), groups=("sg-open",))))
    assert decide(A, trusting, "tcp", 443).passes
    assert not decide(A, replace(trusting, region=FAR), "tcp", 443).passes


def test_answers_need_no_rule_of_a_security_group() -> None:
    answering = replace(B, groups=members(GroupRule(False, tcp(443), (ip_network("10.1.0.0/16"),))))
    asking = replace(A, groups=members(GroupRule(True, tcp(443), (ip_network("10.2.0.0/16"),))))
    assert decide(asking, answering, "tcp", 443).passes


@pytest.mark.parametrize("hole", [1024, 32_768, 50_000, 65_535])
def test_one_ephemeral_port_that_is_denied_is_found(hole: int) -> None:
    allowed = entry(100, out=False, allows=True, traffic=tcp(EPHEMERAL.start, EPHEMERAL.stop - 1))
    out = entry(100, out=True, allows=True, traffic=Traffic())
    assert decide(replace(A, acl=acl(allowed, out)), B, "tcp", 443).passes
    denied = entry(50, out=False, allows=False, traffic=tcp(hole, hole))
    proof = decide(replace(A, acl=acl(allowed, denied, out)), B, "tcp", 443)
    assert [f"TCP port {hole} in from" in sentence for sentence in proof.reasons] == [True]


def test_a_ping_is_an_echo_request_and_its_reply() -> None:
    requests = entry(1, out=False, allows=True, traffic=Traffic(1, 8, -1))
    replies = entry(1, out=True, allows=True, traffic=Traffic(1, 0, -1))
    assert decide(A, replace(B, acl=acl(requests, replies)), "icmp").passes
    proof = decide(A, replace(B, acl=acl(requests)), "icmp")
    assert ["ICMP echo replies out" in sentence for sentence in proof.reasons] == [True]


def test_a_port_is_asked_for() -> None:
    with pytest.raises(ValueError, match="tcp needs a port"):
        decide(A, B, "tcp")


def test_a_static_route_wins_over_a_propagated_one() -> None:
    network = ip_network("10.2.0.0/16")
    table = routed(Route(network, "vgw-1", propagated=True), Route(network, "pcx-1"))
    found = longest_match(table, ip_address("10.2.0.10"))
    assert found is not None
    assert found.target == "pcx-1"


addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
networks = st.builds(
    lambda address, prefix: ip_network(f"{address}/{prefix}", strict=False), addresses, st.integers(0, 32)
)


@given(st.lists(networks, max_size=20), addresses)
def test_no_route_that_matches_is_longer_than_the_one_taken(blocks: list[Any], address: IPv4Address) -> None:
    taken = longest_match(routed(*(Route(block, str(block)) for block in blocks)), address)
    lengths = [block.prefixlen for block in blocks if address in block]
    assert (taken.destination.prefixlen if taken else None) == max(lengths, default=None)


ports = st.integers(1024, 1040)
entries = st.builds(
    lambda number, allows, first, length: entry(
        number, out=True, allows=allows, traffic=tcp(first, first + length)
    ),
    st.integers(1, 50),
    st.booleans(),
    ports,
    st.integers(0, 8),
)


@given(st.lists(entries, max_size=6, unique_by=lambda one: one.number))
def test_an_acl_passes_answers_only_when_it_passes_every_one(found: list[AclEntry]) -> None:
    """The decision looks at a few telling ports; looking at all of them must say the same."""
    beyond = entry(99, out=True, allows=True, traffic=tcp(1030, 65_535))
    inwards = entry(1, out=False, allows=True, traffic=Traffic())
    rules = acl(*found, beyond, inwards)
    answers = (Packet(B.address, A.address, "tcp", port) for port in range(1024, 1060))
    every = all(acl_allows(rules, answer, egress=True) for answer in answers)
    assert decide(A, replace(B, acl=rules), "tcp", 443).passes is every


@dataclass
class Joined:
    """Two VPCs of two accounts and regions in the cloud, joined by a peering with routes."""

    left: Any
    right: Any
    source: Endpoint
    destination: Endpoint
    tables: tuple[str, str]
    vpcs: tuple[str, str]
    peering: str
    clients: tuple[Any, Any]

    async def proof(self, port: int = 443) -> Proof:
        return await prove(*self.clients, self.source, self.destination, "tcp", port)


def _endpoint(owner: Owner, region: str, vpc: str, block: str) -> Endpoint:
    ec2 = owner.client("ec2", region)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    return Endpoint(owner.account, region, interface=interface["NetworkInterfaceId"])


def _main_table(ec2: Any, vpc: str) -> str:
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return str(tables[0]["RouteTableId"])


@pytest.fixture(scope="package")
def aws() -> aioboto3.Session:
    return aioboto3.Session()


@pytest.fixture
async def joined(left: Owner, right: Owner, aws: aioboto3.Session) -> AsyncIterator[Joined]:
    here, there = left.client("ec2"), right.client("ec2", FAR)
    vpcs = left.vpc("10.1.0.0/16"), right.vpc("10.2.0.0/16", region=FAR)
    asked = here.create_vpc_peering_connection(
        VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerOwnerId=right.account, PeerRegion=FAR
    )
    peering = asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    tables = _main_table(here, vpcs[0]), _main_table(there, vpcs[1])
    for ec2, table, block in ((here, tables[0], "10.2.0.0/16"), (there, tables[1], "10.1.0.0/16")):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=block, VpcPeeringConnectionId=peering)
    ends = (
        _endpoint(left, REGION, vpcs[0], "10.1.4.0/24"),
        _endpoint(right, FAR, vpcs[1], "10.2.4.0/24"),
    )
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                aws.client("ec2", region_name=region, **owner.cloud.owner(owner.account))
            )
            for owner, region in ((left, REGION), (right, FAR))
        ]
        yield Joined(here, there, *ends, tables, vpcs, peering, (clients[0], clients[1]))


async def test_a_peering_with_routes_on_both_sides_is_proved_in_the_cloud(joined: Joined) -> None:
    proof = await joined.proof()
    assert proof.passes, proof.reasons
    assert f"{joined.tables[0]}: 10.2.0.0/16 via {joined.peering}" in proof.hops


async def _no_way_back(joined: Joined) -> None:
    joined.right.delete_route(RouteTableId=joined.tables[1], DestinationCidrBlock="10.1.0.0/16")


async def _no_peering(joined: Joined) -> None:
    joined.left.delete_vpc_peering_connection(VpcPeeringConnectionId=joined.peering)


async def _own_table_without_routes(joined: Joined) -> None:
    interface = joined.left.describe_network_interfaces(NetworkInterfaceIds=[joined.source.interface])
    table = joined.left.create_route_table(VpcId=joined.vpcs[0])["RouteTable"]["RouteTableId"]
    subnet = interface["NetworkInterfaces"][0]["SubnetId"]
    joined.left.associate_route_table(RouteTableId=table, SubnetId=subnet)


async def _denied_by_acl(joined: Joined) -> None:
    acls = joined.right.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [joined.vpcs[1]]}])
    joined.right.create_network_acl_entry(
        NetworkAclId=acls["NetworkAcls"][0]["NetworkAclId"],
        RuleNumber=1,
        Protocol="6",
        RuleAction="deny",
        Egress=True,
        CidrBlock="10.1.0.0/16",
        PortRange={"From": 40_000, "To": 40_000},
    )


@pytest.mark.parametrize(
    ("breaking", "reason"),
    [
        (_no_way_back, "has no route to 10.1."),
        (_no_peering, "which is a blackhole"),
        (_own_table_without_routes, "has no route to 10.2."),
        (_denied_by_acl, "does not let TCP port 40000 out to 10.1."),
    ],
)
async def test_what_breaks_the_way_in_the_cloud_is_found(
    joined: Joined, breaking: Callable[[Joined], Any], reason: str
) -> None:
    await breaking(joined)
    proof = await joined.proof()
    assert not proof.passes
    assert any(reason in sentence for sentence in proof.reasons), proof.reasons


async def test_a_port_that_no_group_allows_is_found(joined: Joined) -> None:
    proof = await joined.proof(port=22)
    assert ["does not let TCP port 22 in" in sentence for sentence in proof.reasons] == [True]


async def test_an_endpoint_can_be_a_place_in_a_subnet(joined: Joined) -> None:
    interface = joined.left.describe_network_interfaces(NetworkInterfaceIds=[joined.source.interface])
    subnet = interface["NetworkInterfaces"][0]["SubnetId"]
    joined.source = Endpoint(joined.source.account, REGION, subnet=subnet)
    proof = await joined.proof()
    assert proof.passes, proof.reasons
    assert proof.hops[0] == f"10.1.4.4 in {subnet} of {joined.vpcs[0]}"


async def test_pages_are_read_to_the_end(joined: Joined, left: Owner, right: Owner) -> None:
    """The peering that counts is the last one, on a page of its own."""
    joined.left.delete_vpc_peering_connection(VpcPeeringConnectionId=joined.peering)
    for number in range(10, 20):
        vpc = left.vpc(f"10.{number}.0.0/16")
        joined.left.create_vpc_peering_connection(VpcId=joined.vpcs[0], PeerVpcId=vpc)
    asked = joined.left.create_vpc_peering_connection(
        VpcId=joined.vpcs[0], PeerVpcId=joined.vpcs[1], PeerOwnerId=right.account, PeerRegion=FAR
    )
    peering = asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    joined.right.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    for ec2, table, block in (
        (joined.left, joined.tables[0], "10.2.0.0/16"),
        (joined.right, joined.tables[1], "10.1.0.0/16"),
    ):
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock=block, VpcPeeringConnectionId=peering)
    left.cloud.limit(page_size=5)
    proof = await joined.proof()
    assert proof.passes, proof.reasons
