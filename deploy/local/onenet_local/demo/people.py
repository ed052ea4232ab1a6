"""The two owners: who they are, what they have in AWS, and what they do there with their own hands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from onenet_client.client import Client
from onenet_client.login import with_hint
from onenet_client.models import Provider
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_local.reachability import Endpoint

WORKLOAD_PORT = 443


@dataclass
class Person:
    """An owner with an account of their own.

    Args:
        block: the CIDR block of the VPC; ``subnet`` is within it.
    """

    name: str
    service_name: str
    account: str
    region: str
    block: str
    subnet: str
    vpc: str = ""
    interface: str = ""
    table: str = ""
    _owner: Owner | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> Endpoint:
        """Where this owner's workload is reached."""
        return Endpoint(self.account, self.region, interface=self.interface)

    def build_network(self, cloud: LocalCloud) -> None:
        """What every account has before OneNet comes: a VPC, a subnet, and a workload in it."""
        self._owner = Owner(cloud, self.account)
        ec2 = self.ec2
        self.vpc = self._owner.vpc(self.block, region=self.region)
        subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock=self.subnet)["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="workload", Description="workload", VpcId=self.vpc)
        ec2.authorize_security_group_ingress(
            GroupId=group["GroupId"],
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": WORKLOAD_PORT,
                    "ToPort": WORKLOAD_PORT,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                }
            ],
        )
        interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group["GroupId"]])
        self.interface = interface["NetworkInterface"]["NetworkInterfaceId"]
        self.table = self.tables()[0]["RouteTableId"]

    def let_in(self, provider: Provider) -> None:
        """Make the role that OneNet asks for, with exactly the policies that it shows."""
        iam = self.owner.client("iam")
        role = provider.role_arn.rpartition("/")[2]
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(provider.trust_policy))
        iam.put_role_policy(
            RoleName=role, PolicyName="onenet", PolicyDocument=json.dumps(provider.permissions_policy)
        )

    def break_route(self, destination: str) -> None:
        """Delete a route behind OneNet's back."""
        self.ec2.delete_route(RouteTableId=self.table, DestinationCidrBlock=destination)

    def tables(self) -> list[dict[str, Any]]:
        wanted = [{"Name": "vpc-id", "Values": [self.vpc]}]
        found: list[dict[str, Any]] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        return found

    def leftovers(self) -> list[str]:
        """Everything of OneNet's that the account still holds, a sentence each."""
        peerings = self.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
        live = [one for one in peerings if one["Status"]["Code"] not in ("deleted", "deleting")]
        routes = [
            f"route {route['DestinationCidrBlock']} in {table['RouteTableId']}"
            for table in self.tables()
            for route in table["Routes"]
            if "VpcPeeringConnectionId" in route
        ]
        gone = {one["VpcPeeringConnectionId"] for one in peerings if one not in live}
        tagged = [
            f"tag {tag['Key']} on {tag['ResourceId']}"
            for tag in self.ec2.describe_tags()["Tags"]
            if tag["Key"].startswith("onenet:") and tag["ResourceId"] not in gone
        ]
        return [f"peering {one['VpcPeeringConnectionId']}" for one in live] + routes + tagged

    @property
    def owner(self) -> Owner:
        if self._owner is None:
            raise RuntimeError(f"{self.name}'s network is not built yet")
        return self._owner

    @property
    def ec2(self) -> Any:
        return self.owner.client("ec2", self.region)


def cast(visit: int) -> tuple[Person, Person]:
    """Alice and Bob; with a visit's number, in accounts and services that are that visit's alone.

    Args:
        visit: 0 to 99,999,999,999.
    """
    mark = f"-{visit}" if visit else ""
    accounts = (f"1{visit:011}", f"2{visit:011}") if visit else ("1" * 12, "2" * 12)
    return (
        Person("alice", f"web{mark}", accounts[0], "eu-west-1", "10.10.0.0/16", "10.10.1.0/24"),
        Person("bob", f"shop{mark}", accounts[1], "us-east-1", "10.20.0.0/16", "10.20.1.0/24"),
    )


async def sign_in(api: str, user: str) -> Client:
    """A client with the user's own access token, by the code flow with PKCE."""
    async with Client(api) as anonymous:
        grant = await with_hint(await anonymous.sign_in(), user)
    return Client(api, grant.access_token)
