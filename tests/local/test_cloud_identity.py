"""Who gets into which account of the local cloud."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.cloud.credentials import Caller
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import REGION, Owner, client
from onenet_local.cloud.trust import trusts


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({re.escape(code)}\)")


def identity(access: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = client("sts", REGION, access).get_caller_identity()
    return found


def test_an_owner_acts_in_its_own_account(left: Owner, right: Owner) -> None:
    vpc = left.vpc("10.1.0.0/16")
    assert identity(left.cloud.owner(left.account))["Account"] == left.account
    assert [one["OwnerId"] for one in left.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]] == [
        left.account
    ]
    with refused("InvalidVpcID.NotFound"):
        right.client("ec2").describe_vpcs(VpcIds=[vpc])


def test_a_trusted_role_leads_to_its_account(hub: Owner, left: Owner) -> None:
    session = hub.assume(left.trust("its-id"), "its-id")
    who = identity(session)
    assert (who["Account"], who["Arn"]) == (
        left.account,
        f"arn:aws:sts::{left.account}:assumed-role/OneNet/onenet",
    )
    vpcs = client("ec2", REGION, session).describe_vpcs()["Vpcs"]
    assert {vpc["OwnerId"] for vpc in vpcs} == {left.account}


def test_a_role_is_not_assumed_with_another_external_id(hub: Owner, left: Owner) -> None:
    role = left.trust("its-id")
    with pytest.raises(
        ClientError, match="is not authorized to perform: sts:AssumeRole on resource: arn:aws"
    ):
        hub.assume(role, "another-id")


def test_a_role_is_not_assumed_from_an_account_that_it_does_not_trust(left: Owner, right: Owner) -> None:
    role = left.trust("its-id")
    with refused("AccessDenied"):
        right.assume(role, "its-id")


def test_a_role_that_does_not_exist_is_denied_like_one_that_does_not_trust(hub: Owner, left: Owner) -> None:
    role = f"arn:aws:iam::{left.account}:role/Nobody"
    with refused("AccessDenied"):
        hub.assume(role, "its-id")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("service-quotas", "list_services", "UnrecognizedClientException"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_gets_nowhere(cloud: LocalCloud, service: str, operation: str, code: str) -> None:
    access = cloud.owner("1") | {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    with refused(code):
        getattr(client(service, REGION, access), operation)()


def test_a_session_needs_its_own_token(hub: Owner, left: Owner, right: Owner) -> None:
    one, other = (hub.assume(owner.trust("its-id"), "its-id") for owner in (left, right))
    mixed = one | {"aws_session_token": other["aws_session_token"]}
    with refused("InvalidClientTokenId"):
        identity(mixed)


def test_expired_sessions_are_refused_and_new_ones_are_not(hub: Owner, left: Owner) -> None:
    role = left.trust("its-id")
    session = hub.assume(role, "its-id")
    hub.cloud.expire_credentials()
    with refused("ExpiredToken"):
        identity(session)
    with refused("RequestExpired"):
        client("ec2", REGION, session).describe_vpcs()
    assert identity(hub.assume(role, "its-id"))["Account"] == left.account


def test_a_session_lasts_as_long_as_the_rules_say(hub: Owner, left: Owner) -> None:
    role = left.trust("its-id")
    hub.cloud.limit(session_lifetime=0.001)
    with refused("ExpiredToken"):
        identity(hub.assume(role, "its-id"))


def test_the_key_of_an_iam_user_belongs_to_the_users_account(left: Owner) -> None:
    iam = left.client("iam")
    iam.create_user(UserName="robot")
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    access = left.cloud.owner("1") | {"aws_access_key_id": key["AccessKeyId"]}
    assert identity(access)["Arn"] == f"arn:aws:iam::{left.account}:user/robot"


CALLER = Caller(
    "999999999999", "arn:aws:sts::999999999999:assumed-role/Hub/me", "x", "arn:aws:iam::999999999999:role/Hub"
)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": "999999999999"},
        {"AWS": ["1", "arn:aws:iam::999999999999:root"]},
        {"AWS": CALLER.role_arn},
    ],
)
def test_trust_names_its_principal_in_many_ways(principal: Any) -> None:
    assert trusts(policy(allow(principal)), CALLER, None)


@pytest.mark.parametrize("principal", [{"AWS": "111111111111"}, {"Service": "ec2.amazonaws.com"}, {}])
def test_trust_in_others_is_no_trust(principal: Any) -> None:
    assert not trusts(policy(allow(principal)), CALLER, None)


def test_a_denial_wins_over_every_permission() -> None:
    denial = allow("*") | {"Effect": "Deny"}
    assert not trusts(policy(allow("*"), denial), CALLER, None)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"sts:ExternalId": "other"}},
        {"StringEquals": {"aws:SourceIp": "10.0.0.1"}},
        {"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}},
        {"StringNotEquals": {"sts:ExternalId": ["mine"]}},
    ],
)
def test_a_condition_that_is_not_met_or_not_known_refuses(condition: dict[str, Any]) -> None:
    assert not trusts(policy(allow("*", Condition=condition)), CALLER, "mine")


@given(st.text(min_size=1), st.none() | st.text(min_size=1))
def test_an_external_id_is_compared_exactly(wanted: str, given_id: str | None) -> None:
    document = policy(allow("*", Condition={"StringEquals": {"sts:ExternalId": wanted}}))
    assert trusts(document, CALLER, given_id) == (given_id == wanted)
