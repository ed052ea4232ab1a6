"""AWS's answers about peerings and route tables, read into values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from onenet_common.addresses import Network, parse_network
from onenet_common.connection import Side, Wish
from onenet_common.states import Health
from onenet_provisioner.drivers.aws.flow_logs import FlowLog
from onenet_provisioner.drivers.aws.peering_model import (
    LIVE,
    ROUTE_TABLE_TAG,
    End,
    Peering,
    Route,
    RouteTable,
)
from onenet_provisioner.drivers.driver import Telemetry

if TYPE_CHECKING:
    from types_aiobotocore_ec2.type_defs import (
        FlowLogTypeDef,
        RouteTableTypeDef,
        RouteTypeDef,
        TagTypeDef,
        VpcPeeringConnectionTypeDef,
    )

    Listing = Mapping[Side, Sequence[VpcPeeringConnectionTypeDef]]


def peerings(wish: Wish, listing: Listing) -> tuple[Peering, ...]:
    """Merge what both sides' accounts list of the pair.

    Args:
        listing: each side's own list; entries of other pairs are passed over.
    """
    views: dict[str, dict[Side, VpcPeeringConnectionTypeDef]] = {}
    pair = {wish.left.native_id, wish.right.native_id}
    for side, answers in listing.items():
        for answer in answers:
            if ends(answer) == pair:
                views.setdefault(answer["VpcPeeringConnectionId"], {})[side] = answer
    return tuple(_peering(wish, id_, seen) for id_, seen in sorted(views.items()))


def ends(answer: VpcPeeringConnectionTypeDef) -> set[str]:
    """The VPCs that the peering joins."""
    return {answer["RequesterVpcInfo"]["VpcId"], answer["AccepterVpcInfo"]["VpcId"]}


def _peering(wish: Wish, id_: str, views: Mapping[Side, VpcPeeringConnectionTypeDef]) -> Peering:
    least = min((view["Status"] for view in views.values()), key=lambda status: _progress(status["Code"]))
    any_view = next(iter(views.values()))
    asked_by_left = any_view["RequesterVpcInfo"]["VpcId"] == wish.left.native_id
    requester = Side.LEFT if asked_by_left else Side.RIGHT
    return Peering(
        id=id_,
        status=least["Code"],
        message=least.get("Message", ""),
        requester=requester,
        ends={side: _end(view, requests=side is requester) for side, view in views.items()},
    )


def telemetry(peering: Peering | None) -> Telemetry:
    """What AWS says of the peering's state: no packet passes before it is active."""
    if peering is None:
        return Telemetry(Health.DOWN, "there is no peering")
    health = Health.UP if peering.status == "active" else Health.DOWN
    return Telemetry(health, f"peering {peering.id} is {peering.status}")


def _progress(status: str) -> int:
    return -LIVE.index(status) if status in LIVE else -len(LIVE)


def _end(view: VpcPeeringConnectionTypeDef, *, requests: bool) -> End:
    info = view["RequesterVpcInfo"] if requests else view["AccepterVpcInfo"]
    options = info.get("PeeringOptions") or {}
    return End(tags=tags(view.get("Tags", ())), dns=bool(options.get("AllowDnsResolutionFromRemoteVpc")))


def route_tables(answers: Iterable[RouteTableTypeDef]) -> tuple[RouteTable, ...]:
    return tuple(
        RouteTable(
            id=answer["RouteTableId"],
            routes=tuple(route for entry in answer.get("Routes", ()) if (route := _route(entry))),
            in_use=in_use(answer),
            chosen=tags(answer.get("Tags", ())).get(ROUTE_TABLE_TAG, "").lower() == "true",
        )
        for answer in answers
    )


def flow_logs(answers: Iterable[FlowLogTypeDef], vpc: str) -> tuple[FlowLog, ...]:
    """Those of one VPC."""
    return tuple(
        FlowLog(answer["FlowLogId"], answer.get("LogDestination", ""), tags(answer.get("Tags", ())))
        for answer in answers
        if answer.get("ResourceId") == vpc
    )


def in_use(table: RouteTableTypeDef) -> bool:
    """A subnet is routed by it, or it is the main table, which routes subnets without one."""
    return any(
        association.get("Main") or association.get("SubnetId")
        for association in table.get("Associations", ())
        if association.get("AssociationState", {}).get("State") not in ("disassociating", "disassociated")
    )


def _route(entry: RouteTypeDef) -> Route | None:
    """None for a prefix list: AWS expands it, and no peering route is made of one."""
    destination = _destination(entry)
    if destination is None:
        return None
    return Route(destination, target(entry), blackhole=entry.get("State") == "blackhole")


def _destination(entry: RouteTypeDef) -> Network | None:
    block = entry.get("DestinationCidrBlock") or entry.get("DestinationIpv6CidrBlock")
    return parse_network(block) if block else None


def target(entry: RouteTypeDef) -> str:
    """The id that the route leads to, or ``local``."""
    targets = (
        entry.get("VpcPeeringConnectionId"),
        entry.get("TransitGatewayId"),
        entry.get("NatGatewayId"),
        entry.get("EgressOnlyInternetGatewayId"),
        entry.get("CarrierGatewayId"),
        entry.get("LocalGatewayId"),
        entry.get("CoreNetworkArn"),
        entry.get("OdbNetworkArn"),
        entry.get("InstanceId"),
        entry.get("NetworkInterfaceId"),
        entry.get("GatewayId"),
    )
    return next(filter(None, targets), "unknown")


def tags(entries: Iterable[TagTypeDef]) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in entries}
