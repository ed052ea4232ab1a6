"""Two VPCs in the local cloud, for the suite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from onenet_common.connection import Provider, Side
from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_provisioner.drivers.aws.peering import AwsPeering
from onenet_provisioner.drivers.aws.peering_model import CONNECTION_TAG, LIVE
from onenet_provisioner.drivers.aws.reads import Reads
from onenet_provisioner.drivers.aws.sessions import Sessions
from onenet_provisioner.drivers.driver import Link

from .networks import link, network

LEFT_BLOCKS = ("10.0.0.0/16", "10.1.0.0/16")
RIGHT_BLOCKS = ("10.2.0.0/16",)
STRAY = "10.9.0.0/16"


@dataclass(frozen=True, slots=True)
class Place:
    """A provider, and its account's owner who can do anything there."""

    provider: Provider
    owner: Owner

    @property
    def ec2(self) -> Any:
        return self.owner.client("ec2", self.provider.region)


class AwsScene:
    """The left VPC has a second block, and a subnet with a route table of its own."""

    drifts: ClassVar[tuple[str, ...]] = (
        "route gone on the left",
        "route gone on the right",
        "stray route",
        "peering gone",
        "requester's tag gone",
        "accepter's tag gone",
        "DNS resolution off on the left",
        "DNS resolution off on the right",
    )
    builds: ClassVar[tuple[str, ...]] = (
        "CreateVpcPeeringConnection",
        "AcceptVpcPeeringConnection",
        "CreateTags",
        "CreateRoute",
        "ModifyVpcPeeringConnectionOptions",
    )
    removes: ClassVar[tuple[str, ...]] = ("DeleteRoute", "DeleteVpcPeeringConnection")
    throttles: ClassVar[tuple[str, ...]] = (
        "DescribeRouteTables",
        "CreateVpcPeeringConnection",
        "CreateRoute",
    )

    def __init__(self, cloud: LocalCloud, sessions: Sessions, left: Place, right: Place) -> None:
        self._cloud = cloud
        self.sessions = sessions
        self.places = {Side.LEFT: left, Side.RIGHT: right}
        self.vpcs = {
            Side.LEFT: left.owner.vpc(*LEFT_BLOCKS, region=left.provider.region),
            Side.RIGHT: right.owner.vpc(*RIGHT_BLOCKS, region=right.provider.region),
        }
        self.second_table = self._subnet_with_its_own_table()
        self.gateway = self._route_of_somebody_else()
        self.link = link(
            network(left.provider, self.vpcs[Side.LEFT], *LEFT_BLOCKS),
            network(right.provider, self.vpcs[Side.RIGHT], *RIGHT_BLOCKS),
        )

    def driver(self) -> AwsPeering:
        return AwsPeering(self.sessions, Reads(self.sessions), look_again=0.01)

    def objects(self) -> Counter[str]:
        own = self._own_peerings()
        live = sum(peering["Status"]["Code"] in LIVE for peering in own.values())
        return Counter(path=live, route=sum(route[2] in own for side in Side for route in self.routes(side)))

    def complete(self) -> Counter[str]:
        return Counter(path=1, route=2 * len(RIGHT_BLOCKS) + len(LEFT_BLOCKS))

    def others(self) -> object:
        own = self._own_peerings()
        routes = [route for side in Side for route in self.routes(side) if route[2] not in own]
        return routes, [
            (peering["VpcPeeringConnectionId"], peering["Status"]["Code"], peering["Tags"])
            for side in Side
            for peering in self.peerings(side)
            if peering["VpcPeeringConnectionId"] not in own
        ]

    def drift(self, what: str) -> None:
        peering = next(id_ for id_, one in self._own_peerings().items() if one["Status"]["Code"] == "active")
        left, right = self.places[Side.LEFT].ec2, self.places[Side.RIGHT].ec2
        table = self.main_table(Side.RIGHT)
        option = {"AllowDnsResolutionFromRemoteVpc": False}
        match what:
            case "route gone on the left":
                left.delete_route(RouteTableId=self.second_table, DestinationCidrBlock=RIGHT_BLOCKS[0])
            case "route gone on the right":
                right.delete_route(RouteTableId=table, DestinationCidrBlock=LEFT_BLOCKS[1])
            case "stray route":
                right.create_route(
                    RouteTableId=table, DestinationCidrBlock=STRAY, VpcPeeringConnectionId=peering
                )
            case "peering gone":
                left.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
            case "requester's tag gone":
                left.delete_tags(Resources=[peering], Tags=[{"Key": CONNECTION_TAG}])
            case "accepter's tag gone":
                right.delete_tags(Resources=[peering], Tags=[{"Key": CONNECTION_TAG}])
            case "DNS resolution off on the left":
                left.modify_vpc_peering_connection_options(
                    VpcPeeringConnectionId=peering, RequesterPeeringConnectionOptions=option
                )
            case "DNS resolution off on the right":
                right.modify_vpc_peering_connection_options(
                    VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=option
                )

    def join_by_hand(self) -> str:
        left, right = self.places[Side.LEFT], self.places[Side.RIGHT]
        made = left.ec2.create_vpc_peering_connection(
            VpcId=self.vpcs[Side.LEFT],
            PeerVpcId=self.vpcs[Side.RIGHT],
            PeerOwnerId=right.provider.account,
            PeerRegion=right.provider.region,
        )
        peering: str = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self._until(Side.RIGHT, peering, "pending-acceptance")
        right.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        self._until(Side.LEFT, peering, "active")
        left.ec2.create_route(
            RouteTableId=self.main_table(Side.LEFT),
            DestinationCidrBlock=RIGHT_BLOCKS[0],
            VpcPeeringConnectionId=peering,
        )
        return peering

    def obstruct(self) -> str:
        self.places[Side.LEFT].ec2.create_route(
            RouteTableId=self.second_table, DestinationCidrBlock=RIGHT_BLOCKS[0], GatewayId=self.gateway
        )
        return self.gateway

    def throttle(self, call: str) -> None:
        self._cloud.arm({"kind": "throttle", "operation": call, "count": 1})

    def lose_answer(self, call: str) -> None:
        self._cloud.arm({"kind": "lose_answer", "operation": call, "count": 1})

    def peerings(self, side: Side) -> list[dict[str, Any]]:
        """What this side's account lists between the two VPCs."""
        pair = list(self.vpcs.values())
        listed: list[dict[str, Any]] = self.places[side].ec2.describe_vpc_peering_connections(
            Filters=[
                {"Name": "requester-vpc-info.vpc-id", "Values": pair},
                {"Name": "accepter-vpc-info.vpc-id", "Values": pair},
            ]
        )["VpcPeeringConnections"]
        return listed

    def routes(self, side: Side) -> list[tuple[str, str, str]]:
        """Table, destination and target of every route of this side's VPC."""
        return sorted(
            (table["RouteTableId"], route["DestinationCidrBlock"], _target(route))
            for table in self._tables(side)
            for route in table["Routes"]
        )

    def main_table(self, side: Side) -> str:
        return next(
            str(table["RouteTableId"])
            for table in self._tables(side)
            if any(association.get("Main") for association in table["Associations"])
        )

    def _tables(self, side: Side) -> list[dict[str, Any]]:
        tables: list[dict[str, Any]] = self.places[side].ec2.describe_route_tables(
            Filters=[{"Name": "vpc-id", "Values": [self.vpcs[side]]}]
        )["RouteTables"]
        return tables

    def _own_peerings(self) -> dict[str, dict[str, Any]]:
        """Requested by the left VPC and tagged for this link, as either side sees it."""
        mark = {"Key": CONNECTION_TAG, "Value": str(self.link.connection_id)}
        return {
            one["VpcPeeringConnectionId"]: one
            for side in Side
            for one in self.peerings(side)
            if mark in one["Tags"]
        }

    def _until(self, side: Side, peering: str, status: str) -> None:
        for _ in range(100):
            if any(
                one["VpcPeeringConnectionId"] == peering and one["Status"]["Code"] == status
                for one in self.peerings(side)
            ):
                return
        raise AssertionError(f"{peering} never became {status}")

    def _subnet_with_its_own_table(self) -> str:
        ec2, vpc = self.places[Side.LEFT].ec2, self.vpcs[Side.LEFT]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        table: str = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def _route_of_somebody_else(self) -> str:
        ec2 = self.places[Side.LEFT].ec2
        gateway: str = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpcs[Side.LEFT])
        ec2.create_route(RouteTableId=self.second_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        return gateway


class AwsSceneInOnePlace(AwsScene):
    """Both VPCs in one account and region: one view of the peering, and nothing to tag twice."""

    drifts: ClassVar[tuple[str, ...]] = tuple(
        drift for drift in AwsScene.drifts if drift != "accepter's tag gone"
    )
    builds: ClassVar[tuple[str, ...]] = tuple(call for call in AwsScene.builds if call != "CreateTags")


class AwsSceneWithFlowLogs(AwsScene):
    """The operator wants the traffic of both VPCs logged, in a folder of a bucket of OneNet's own account.

    The left VPC has a flow log of its owner already, which goes elsewhere.
    """

    drifts: ClassVar[tuple[str, ...]] = (
        *AwsScene.drifts,
        "flow log gone on the left",
        "flow log's tags gone on the right",
    )
    builds: ClassVar[tuple[str, ...]] = (*AwsScene.builds, "CreateFlowLogs")
    removes: ClassVar[tuple[str, ...]] = (*AwsScene.removes, "DeleteFlowLogs")
    throttles: ClassVar[tuple[str, ...]] = ("DescribeFlowLogs", "CreateFlowLogs")

    def __init__(self, cloud: LocalCloud, sessions: Sessions, left: Place, right: Place) -> None:
        super().__init__(cloud, sessions, left, right)
        self.bucket = bucket(_hub(cloud), "onenet-flow-logs")
        self.log_by_hand(Side.LEFT, bucket(left.owner, "of-the-left-owner"))

    @property
    def logs_to(self) -> str:
        return f"{self.bucket}/production/"

    def driver(self) -> AwsPeering:
        return AwsPeering(self.sessions, Reads(self.sessions), flow_logs_to=self.logs_to, look_again=0.01)

    def objects(self) -> Counter[str]:
        return super().objects() + Counter(
            flow_log=sum(_used_by(log, self.link) for side in Side for log in self.flow_logs(side))
        )

    def complete(self) -> Counter[str]:
        return super().complete() + Counter(flow_log=2)

    def others(self) -> object:
        logs = [log for side in Side for log in self.flow_logs(side) if not _used_by(log, self.link)]
        return super().others(), [(log["FlowLogId"], log["LogDestination"], log["Tags"]) for log in logs]

    def drift(self, what: str) -> None:
        side = Side.LEFT if "left" in what else Side.RIGHT
        match what:
            case "flow log gone on the left":
                self.places[side].ec2.delete_flow_logs(FlowLogIds=[self.own_flow_log(side)])
            case "flow log's tags gone on the right":
                key = f"onenet:connection/{self.link.connection_id}"
                self.places[side].ec2.delete_tags(Resources=[self.own_flow_log(side)], Tags=[{"Key": key}])
            case _:
                super().drift(what)

    def log_by_hand(self, side: Side, destination: str) -> str:
        """Somebody else has the side's traffic logged; the flow log's id."""
        answer = self.places[side].ec2.create_flow_logs(
            ResourceIds=[self.vpcs[side]],
            ResourceType="VPC",
            TrafficType="REJECT",
            LogDestinationType="s3",
            LogDestination=destination,
        )
        return str(answer["FlowLogIds"][0])

    def own_flow_log(self, side: Side) -> str:
        return next(str(log["FlowLogId"]) for log in self.flow_logs(side) if _used_by(log, self.link))

    def flow_logs(self, side: Side) -> list[dict[str, Any]]:
        """Those of this side's VPC."""
        listed: list[dict[str, Any]] = self.places[side].ec2.describe_flow_logs(
            Filter=[{"Name": "resource-id", "Values": [self.vpcs[side]]}]
        )["FlowLogs"]
        return listed


@cache
def _hub(cloud: LocalCloud) -> Owner:
    """OneNet's own account, the same for all scenes."""
    return Owner(cloud, HUB_ACCOUNT)


@cache
def bucket(owner: Owner, name: str) -> str:
    """A bucket of this owner, made once; its ARN."""
    owner.client("s3", "us-east-1").create_bucket(Bucket=name)
    return f"arn:aws:s3:::{name}"


def _used_by(log: dict[str, Any], link: Link) -> bool:
    return any(tag["Key"] == f"onenet:connection/{link.connection_id}" for tag in log["Tags"])


def _target(route: dict[str, Any]) -> str:
    return str(route.get("VpcPeeringConnectionId") or route.get("GatewayId"))
