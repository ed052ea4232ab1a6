"""The owner of an account in the local cloud, with full access to it.

It does what a real owner would do by hand: make networks, and let OneNet in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.config import Config
from botocore.session import Session

from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud

REGION = "eu-west-1"

# One attempt: whoever drives a simulation wants to see every answer, and a time limit on each.
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


@lru_cache(maxsize=1)
def _session() -> Session:
    return Session()


class Owner:
    """Acts in one account.

    Args:
        cloud: where the account is.
        account: twelve digits; an account exists as soon as it is used.
    """

    def __init__(self, cloud: LocalCloud, account: str) -> None:
        self.cloud = cloud
        self.account = account
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of this account, made once for each service and region."""
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = client(service, region, self.cloud.owner(self.account))
        return self._clients[key]

    def vpc(self, *blocks: str, region: str = REGION) -> str:
        """Make a VPC with these CIDR blocks, the first one primary; its id."""
        ec2 = self.client("ec2", region)
        vpc_id: str = ec2.create_vpc(CidrBlock=blocks[0])["Vpc"]["VpcId"]
        for block in blocks[1:]:
            ec2.associate_vpc_cidr_block(VpcId=vpc_id, CidrBlock=block)
        return vpc_id

    def trust(self, external_id: str, role: str = "OneNet", account: str = HUB_ACCOUNT) -> str:
        """Make a role that ``account`` may assume with this external id; its ARN."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def assume(self, role_arn: str, external_id: str) -> dict[str, str]:
        """Assume a role as this account's owner; client arguments for the session."""
        given = self.client("sts").assume_role(
            RoleArn=role_arn, RoleSessionName="onenet", ExternalId=external_id
        )["Credentials"]
        return {
            "endpoint_url": self.cloud.url,
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }


def client(service: str, region: str, access: Mapping[str, Any]) -> Any:
    """A client with these arguments, without retries."""
    return _session().create_client(service, region_name=region, config=_CONFIG, **access)
