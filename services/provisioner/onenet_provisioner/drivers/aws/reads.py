"""The describe calls that every observation needs, shared between those who ask together.

Filters and pages are asked for, and every answer is filtered again: some look-alikes of EC2
ignore both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from onenet_common.connection import Resource
from onenet_provisioner.drivers.aws.coalescing import Coalescer
from onenet_provisioner.drivers.aws.pacing import Kind
from onenet_provisioner.drivers.aws.peering_answers import ends
from onenet_provisioner.drivers.aws.sessions import Sessions

if TYPE_CHECKING:
    from types_aiobotocore_ec2.type_defs import (
        FlowLogTypeDef,
        RouteTableTypeDef,
        VpcPeeringConnectionTypeDef,
    )

PAGE = 100
"""Entries asked for in one page; DescribeRouteTables allows no more."""

T = TypeVar("T")
Readers = dict[tuple[UUID, str], Coalescer[T]]


class Reads:
    """Coalesced reads of EC2, one reader for each provider and region."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._peerings: Readers[list[VpcPeeringConnectionTypeDef]] = {}
        self._tables: Readers[list[RouteTableTypeDef]] = {}
        self._flow_logs: Readers[list[FlowLogTypeDef]] = {}

    async def peerings(self, at: Resource, vpcs: frozenset[str]) -> list[VpcPeeringConnectionTypeDef]:
        """Peerings between two of ``vpcs`` as ``at``'s account and region shows them, dead ones too."""
        answers = await _reader(self._peerings, at, self._describe_peerings).read(vpcs)
        return [answer for answer in answers if ends(answer) <= vpcs]

    async def route_tables(self, at: Resource, vpcs: frozenset[str]) -> list[RouteTableTypeDef]:
        """All route tables of ``vpcs``, which are in ``at``'s account and region."""
        answers = await _reader(self._tables, at, self._describe_tables).read(vpcs)
        return [answer for answer in answers if answer["VpcId"] in vpcs]

    async def flow_logs(self, at: Resource, vpcs: frozenset[str]) -> list[FlowLogTypeDef]:
        """All flow logs of ``vpcs`` that go to S3, which are in ``at``'s account and region."""
        answers = await _reader(self._flow_logs, at, self._describe_flow_logs).read(vpcs)
        return [answer for answer in answers if answer.get("ResourceId") in vpcs]

    async def _describe_peerings(
        self, at: Resource, vpcs: frozenset[str]
    ) -> list[VpcPeeringConnectionTypeDef]:
        ids = sorted(vpcs)
        async with self._sessions.ec2(at, Kind.DESCRIBE) as ec2:
            pages = ec2.get_paginator("describe_vpc_peering_connections").paginate(
                Filters=[
                    {"Name": "requester-vpc-info.vpc-id", "Values": ids},
                    {"Name": "accepter-vpc-info.vpc-id", "Values": ids},
                ],
                PaginationConfig={"PageSize": PAGE},
            )
            return [peering async for page in pages for peering in page["VpcPeeringConnections"]]

    async def _describe_tables(self, at: Resource, vpcs: frozenset[str]) -> list[RouteTableTypeDef]:
        async with self._sessions.ec2(at, Kind.DESCRIBE) as ec2:
            pages = ec2.get_paginator("describe_route_tables").paginate(
                Filters=[{"Name": "vpc-id", "Values": sorted(vpcs)}],
                PaginationConfig={"PageSize": PAGE},
            )
            return [table async for page in pages for table in page["RouteTables"]]

    async def _describe_flow_logs(self, at: Resource, vpcs: frozenset[str]) -> list[FlowLogTypeDef]:
        async with self._sessions.ec2(at, Kind.DESCRIBE) as ec2:
            pages = ec2.get_paginator("describe_flow_logs").paginate(
                Filter=[  # type: ignore[call-arg]  # AWS's own name, which the stubs have wrong
                    {"Name": "resource-id", "Values": sorted(vpcs)},
                    {"Name": "log-destination-type", "Values": ["s3"]},
                ],
                PaginationConfig={"PageSize": PAGE},
            )
            return [log async for page in pages for log in page["FlowLogs"]]


def _reader(
    readers: Readers[T], at: Resource, describe: Callable[[Resource, frozenset[str]], Awaitable[T]]
) -> Coalescer[T]:
    key = (at.provider, at.region)
    if key not in readers:
        readers[key] = Coalescer(partial(describe, at))
    return readers[key]
