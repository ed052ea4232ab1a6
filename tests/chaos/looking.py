"""Looks at the API and at the cloud when the storm is over."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from onenet_client.client import Client
from onenet_client.models import Connection
from onenet_common.projection import Projected
from onenet_common.states import State
from tests.chaos.calm import View
from tests.chaos.judge import Peering, Route, Shown
from tests.e2e.estate import LEFT_REGION, LIVE, RIGHT_REGION, Estate

TAG = "onenet:connection"
VIEWED = ("state", "generation", "ctype", "details", "adopted", "health", "health_reasons")
"""What the API and the topic both tell of a connection."""

AT_ONCE = 8


async def connections(estates: Sequence[Estate]) -> dict[UUID, Shown]:
    """Every connection of the estates' networks, as the API shows it."""
    return {one.id: _shown(one, estate) for estate in estates for one in await estate.connections()}


def view(one: Connection | Projected) -> View:
    """What can be compared: of a wish that was taken back, the choice of a way may have come too late for
    the API and yet in time for who reads the topic."""
    return {name: getattr(one, name) for name in VIEWED if name != "ctype" or one.state != State.DELETED}


async def timelines(onenet: Client, ids: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    """The ids of the events on each timeline."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def read(connection: UUID) -> tuple[UUID, frozenset[UUID]]:
        async with slots:
            entries = [entry async for entry in onenet.connections.timeline(connection)]
        return connection, frozenset(UUID(str(entry.id)) for entry in entries)

    return dict(await asyncio.gather(*(read(one) for one in ids)))


def peerings(estate: Estate) -> list[Peering]:
    """All peerings of an estate that were ever made, with the tags of both sides."""
    seen: dict[str, dict[str, Any]] = {}
    tagged: defaultdict[str, set[str]] = defaultdict(set)
    for ec2 in _both_sides(estate):
        for page in ec2.get_paginator("describe_vpc_peering_connections").paginate():
            for one in page["VpcPeeringConnections"]:
                seen.setdefault(one["VpcPeeringConnectionId"], one)
                names = {tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == TAG}
                tagged[one["VpcPeeringConnectionId"]] |= names
    return [
        Peering(
            id=name,
            requester=one["RequesterVpcInfo"]["VpcId"],
            accepter=one["AccepterVpcInfo"]["VpcId"],
            live=one["Status"]["Code"] in LIVE,
            tagged=frozenset(tagged[name]),
        )
        for name, one in seen.items()
    ]


def routes(estate: Estate) -> Iterator[Route]:
    """Every route over a peering, of both sides."""
    for ec2 in _both_sides(estate):
        for page in ec2.get_paginator("describe_route_tables").paginate():
            for table in page["RouteTables"]:
                for route in table["Routes"]:
                    if "VpcPeeringConnectionId" in route:
                        yield Route(
                            table["VpcId"], route["DestinationCidrBlock"], route["VpcPeeringConnectionId"]
                        )


def _both_sides(estate: Estate) -> tuple[Any, Any]:
    return estate.left.client("ec2", LEFT_REGION), estate.right.client("ec2", RIGHT_REGION)


def _shown(one: Connection, estate: Estate) -> Shown:
    vpcs = {resource.id: resource.native_id for resource in (*estate.lefts, *estate.rights)}
    return Shown(
        state=one.state,
        left_vpc=vpcs[one.resource_left],
        right_vpc=vpcs[one.resource_right],
        left=frozenset(one.left.subnets if one.left else ()),
        right=frozenset(one.right.subnets if one.right else ()),
    )
