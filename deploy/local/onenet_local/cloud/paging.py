"""Pages of describe calls: moto answers everything at once, AWS does not."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from moto.ec2.exceptions import EC2ClientError

PAGED = {
    "describe_flow_logs": ("FlowLogs", "FlowLogIds"),
    "describe_network_acls": ("NetworkAcls", "NetworkAclIds"),
    "describe_network_interfaces": ("NetworkInterfaces", "NetworkInterfaceIds"),
    "describe_route_tables": ("RouteTables", "RouteTableIds"),
    "describe_security_groups": ("SecurityGroups", "GroupIds"),
    "describe_subnets": ("Subnets", "SubnetIds"),
    "describe_vpc_peering_connections": ("VpcPeeringConnections", "VpcPeeringConnectionIds"),
    "describe_vpcs": ("Vpcs", "VpcIds"),
}
"""For each paged operation, the answer's list and the parameter that names objects."""

SMALLEST, LARGEST = 5, 1000
"""What AWS takes as MaxResults."""


def page(
    answer: dict[str, Any], name: str, *, size: int | None, token: str | None, default_size: int
) -> dict[str, Any]:
    """One page of ``answer[name]``, with NextToken when there is more.

    Raises:
        EC2ClientError: InvalidParameterValue for a size out of range, InvalidNextToken.
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value from "
            f"{SMALLEST} to {LARGEST}.",
        )
    first = _position(token)
    items = list(answer[name])
    last = first + (size or default_size)
    return answer | {name: items[first:last]} | ({"NextToken": _token(last)} if last < len(items) else {})


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"onenet:{position}".encode()).decode()


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if word != "onenet":
            raise ValueError(word)
        return int(number)
    except (binascii.Error, ValueError):
        raise EC2ClientError("InvalidNextToken", "The token provided is invalid.") from None
