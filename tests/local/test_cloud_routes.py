"""Routes in the local cloud: what AWS takes, what it refuses and what becomes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from onenet_local.cloud.owner import Owner


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({re.escape(code)}\)")


@dataclass
class Network:
    """A VPC whose table a test works on, and a peering that waits to be accepted."""

    ec2: Any
    owner: Owner
    vpc: str
    table: str
    peering: str

    def accept(self) -> None:
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.peering)

    def route(self, destination: str, peering: str | None = None) -> None:
        self.ec2.create_route(
            RouteTableId=self.table,
            DestinationCidrBlock=destination,
            VpcPeeringConnectionId=peering or self.peering,
        )

    def routes(self) -> dict[str, str]:
        """Destination and state of every route that is not local."""
        table = self.ec2.describe_route_tables(RouteTableIds=[self.table])["RouteTables"][0]
        return {
            route["DestinationCidrBlock"]: route["State"]
            for route in table["Routes"]
            if route.get("GatewayId") != "local"
        }


@pytest.fixture
def network(left: Owner) -> Network:
    ec2 = left.client("ec2")
    vpc, peer = left.vpc("10.1.0.0/16"), left.vpc("10.2.0.0/16")
    asked = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return Network(ec2, left, vpc, tables[0]["RouteTableId"], asked["VpcPeeringConnectionId"])


def test_a_route_is_a_blackhole_until_its_peering_is_active_and_again_when_it_is_gone(
    network: Network,
) -> None:
    network.route("10.2.0.0/16")
    assert network.routes() == {"10.2.0.0/16": "blackhole"}
    network.accept()
    assert network.routes() == {"10.2.0.0/16": "active"}
    network.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=network.peering)
    assert network.routes() == {"10.2.0.0/16": "blackhole"}


def test_no_route_leads_through_a_peering_that_is_over_or_unknown(network: Network) -> None:
    network.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=network.peering)
    for peering in (network.peering, "pcx-0123456789abcdef0"):
        with refused("InvalidVpcPeeringConnectionID.NotFound"):
            network.route("10.2.0.0/16", peering)


def test_a_peering_of_other_vpcs_is_no_target(network: Network) -> None:
    one, other = network.owner.vpc("10.3.0.0/16"), network.owner.vpc("10.4.0.0/16")
    foreign = network.ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
    with pytest.raises(ClientError, match="belong to different networks"):
        network.route("10.3.0.0/16", foreign["VpcPeeringConnectionId"])


@pytest.mark.parametrize("destination", ["10.1.0.0/16", "10.1.7.0/24"])
def test_a_peering_takes_no_part_of_the_vpc_itself(network: Network, destination: str) -> None:
    network.accept()
    with pytest.raises(ClientError, match="Route target is not supported"):
        network.route(destination)
    with pytest.raises(ClientError, match="Route target is not supported"):
        network.ec2.replace_route(
            RouteTableId=network.table,
            DestinationCidrBlock=destination,
            VpcPeeringConnectionId=network.peering,
        )


def test_a_local_route_cannot_be_deleted(network: Network) -> None:
    with refused("InvalidParameterValue"):
        network.ec2.delete_route(RouteTableId=network.table, DestinationCidrBlock="10.1.0.0/16")


def test_destinations_are_made_canonical(network: Network) -> None:
    network.route("10.2.3.4/16")
    assert list(network.routes()) == ["10.2.0.0/16"]
    with refused("RouteAlreadyExists"):
        network.route("10.2.9.9/16")
    network.ec2.delete_route(RouteTableId=network.table, DestinationCidrBlock="10.2.5.5/16")
    assert network.routes() == {}


def test_a_destination_that_is_no_block_is_refused(network: Network) -> None:
    with refused("InvalidParameterValue"):
        network.route("10.2.0.0/33")


def test_a_table_holds_so_many_routes_and_no_more(network: Network) -> None:
    network.owner.cloud.limit(routes_per_table=2)
    network.route("10.2.0.0/24")
    network.route("10.2.1.0/24")
    with refused("RouteLimitExceeded"):
        network.route("10.2.2.0/24")
    network.ec2.create_route(
        RouteTableId=network.table,
        DestinationIpv6CidrBlock="2001:db8::/56",
        VpcPeeringConnectionId=network.peering,
    )


def test_a_route_is_moved_to_another_peering(network: Network) -> None:
    other = network.owner.vpc("10.5.0.0/16")
    second = network.ec2.create_vpc_peering_connection(VpcId=other, PeerVpcId=network.vpc)
    second_id = second["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    network.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=second_id)
    network.route("10.5.0.0/16")
    network.ec2.replace_route(
        RouteTableId=network.table, DestinationCidrBlock="10.5.0.0/16", VpcPeeringConnectionId=second_id
    )
    assert network.routes() == {"10.5.0.0/16": "active"}
