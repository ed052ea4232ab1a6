"""What a provider's owner has to set up so that OneNet gets in, and no more."""

from __future__ import annotations

from typing import Any

READ = (
    "ec2:DescribeVpcs",
    "ec2:DescribeSubnets",
    "ec2:DescribeRouteTables",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeAddresses",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeFlowLogs",
    "servicequotas:GetServiceQuota",
    "servicequotas:ListServiceQuotas",
)
"""Calls that AWS cannot limit to single resources."""
PEER = (
    "ec2:CreateVpcPeeringConnection",
    "ec2:AcceptVpcPeeringConnection",
    "ec2:DeleteVpcPeeringConnection",
    "ec2:ModifyVpcPeeringConnectionOptions",
    "ec2:CreateRoute",
    "ec2:ReplaceRoute",
    "ec2:DeleteRoute",
    "ec2:CreateTags",
    "ec2:DeleteTags",
)
LOG = ("ec2:CreateFlowLogs", "ec2:DeleteFlowLogs", "ec2:CreateTags", "ec2:DeleteTags")
DELIVER = ("logs:CreateLogDelivery", "logs:DeleteLogDelivery")
"""What AWS asks of whoever makes or deletes a flow log to S3; it cannot be limited to single ones."""


def trust_policy(hub_account: str, external_id: str) -> dict[str, Any]:
    """Who may assume the role: OneNet's account alone, and only on behalf of this provider."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{hub_account}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ],
    }


def permissions_policy(account: str, region: str) -> dict[str, Any]:
    """What the role must allow: reading networks, and peering and routing in this account.

    An owner may leave out the last two statements: connections are made all the same, and their traffic
    is not logged.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Discover",
                "Effect": "Allow",
                "Action": list(READ),
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
            },
            {
                "Sid": "Connect",
                "Effect": "Allow",
                "Action": list(PEER),
                "Resource": [
                    f"arn:aws:ec2:{region}:{account}:{kind}/*"
                    for kind in ("vpc", "vpc-peering-connection", "route-table")
                ],
            },
            {
                "Sid": "LogTraffic",
                "Effect": "Allow",
                "Action": list(LOG),
                "Resource": [f"arn:aws:ec2:{region}:{account}:{kind}/*" for kind in ("vpc", "vpc-flow-log")],
            },
            {
                "Sid": "DeliverLogs",
                "Effect": "Allow",
                "Action": list(DELIVER),
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
            },
        ],
    }
