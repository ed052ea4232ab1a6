"""Describe calls of the local cloud answer page by page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.cloud.owner import Owner
from onenet_local.cloud.paging import page


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({re.escape(code)}\)")


@pytest.fixture
def crowded(left: Owner) -> Any:
    """EC2 of an account with more of everything than fits on a page of five."""
    ec2, middle = left.client("ec2"), left.vpc("10.0.0.0/16")
    for number in range(1, 8):
        vpc = left.vpc(f"10.{number}.0.0/16")
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.0.0/24")
        ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=middle)
    left.cloud.limit(page_size=5)
    return ec2


@pytest.mark.parametrize(
    ("operation", "items", "identity"),
    [
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionId"),
        ("describe_network_acls", "NetworkAcls", "NetworkAclId"),
    ],
)
def test_who_reads_one_page_misses_the_rest(crowded: Any, operation: str, items: str, identity: str) -> None:
    first = getattr(crowded, operation)()
    assert len(first[items]) == 5
    assert first["NextToken"]
    pages = list(crowded.get_paginator(operation).paginate(PaginationConfig={"PageSize": 6}))
    found = [one[identity] for one_page in pages for one in one_page[items]]
    assert len(found) == len(set(found)) > 6
    assert [len(one_page[items]) for one_page in pages[:-1]] == [6] * (len(pages) - 1)


def test_pages_follow_the_filter(crowded: Any) -> None:
    wanted = [{"Name": "cidr", "Values": ["10.*"]}]
    first = crowded.describe_vpcs(Filters=wanted)
    rest = crowded.describe_vpcs(Filters=wanted, NextToken=first["NextToken"])
    assert (len(first["Vpcs"]), len(rest["Vpcs"]), "NextToken" in rest) == (5, 3, False)


def test_the_size_of_a_page_has_a_limit(left: Owner) -> None:
    with refused("InvalidParameterValue"):
        left.client("ec2").describe_vpcs(MaxResults=1001)


def test_a_token_of_somebody_else_is_refused(left: Owner) -> None:
    for token in ("nonsense", "YW55dGhpbmc6NQ=="):
        with refused("InvalidNextToken"):
            left.client("ec2").describe_vpcs(NextToken=token)


def test_named_objects_are_not_paged(left: Owner) -> None:
    with refused("InvalidParameterCombination"):
        left.client("ec2").describe_vpcs(VpcIds=[left.vpc("10.1.0.0/16")], MaxResults=5)


@given(st.lists(st.integers(), max_size=60), st.integers(1, 20))
def test_pages_put_together_are_the_whole(items: list[int], size: int) -> None:
    found: list[int] = []
    token = None
    while True:
        answer = page({"Items": items}, "Items", size=None, token=token, default_size=size)
        found += answer["Items"]
        token = answer.get("NextToken")
        if token is None:
            break
    assert found == items
