"""The local cloud misbehaves as it is told, and tells what was called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.cloud.calls import Call
from onenet_local.cloud.faults import Fault, Faults, Kind
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({re.escape(code)}\)")


@pytest.mark.parametrize(
    ("kind", "service", "operation", "code"),
    [
        ("throttle", "ec2", "describe_vpcs", "RequestLimitExceeded"),
        ("throttle", "sts", "get_caller_identity", "Throttling"),
        ("throttle", "service-quotas", "list_services", "ThrottlingException"),
        ("server_error", "ec2", "describe_vpcs", "InternalError"),
        ("unauthorized", "ec2", "describe_vpcs", "UnauthorizedOperation"),
        ("unauthorized", "iam", "list_roles", "AccessDenied"),
    ],
)
def test_a_call_is_refused_in_the_words_of_its_service(
    left: Owner, kind: str, service: str, operation: str, code: str
) -> None:
    left.cloud.arm({"kind": kind, "account": left.account})
    with refused(code):
        getattr(left.client(service), operation)()


def test_a_fault_strikes_the_calls_that_it_names_and_no_others(left: Owner, right: Owner) -> None:
    left.cloud.arm(
        {"kind": "throttle", "operation": "DescribeVpcs", "account": left.account, "region": "eu-north-1"}
    )
    left.client("ec2").describe_vpcs()
    left.client("ec2", "eu-north-1").describe_subnets()
    right.client("ec2", "eu-north-1").describe_vpcs()
    with refused("RequestLimitExceeded"):
        left.client("ec2", "eu-north-1").describe_vpcs()


def test_a_lost_answer_leaves_its_effect(left: Owner) -> None:
    ec2 = left.client("ec2")
    before = len(ec2.describe_vpcs()["Vpcs"])
    left.cloud.arm({"kind": "lose_answer", "operation": "CreateVpc", "account": left.account, "count": 1})
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.1.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1
    ec2.create_vpc(CidrBlock="10.2.0.0/16")


def test_a_hanging_call_is_never_carried_out(left: Owner) -> None:
    ec2 = left.client("ec2")
    before = len(ec2.describe_vpcs()["Vpcs"])
    left.cloud.arm({"kind": "hang", "operation": "CreateVpc", "account": left.account, "seconds": 0})
    with pytest.raises((ConnectionClosedError, ReadTimeoutError)):
        ec2.create_vpc(CidrBlock="10.1.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before


def test_a_delayed_call_is_carried_out(left: Owner) -> None:
    left.cloud.arm({"kind": "delay", "account": left.account, "seconds": 0.01})
    assert left.client("ec2").describe_vpcs()["Vpcs"]
    assert [one["struck"] for one in left.cloud.faults()] == [1]


def test_calls_are_counted_by_what_and_whose_they_are(left: Owner) -> None:
    ec2 = left.client("ec2")
    ec2.describe_vpcs()
    ec2.describe_vpcs()
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId="vpc-0")
    assert left.cloud.calls(account=left.account) == 3
    assert left.cloud.calls(account=left.account, operation="DescribeVpcs", service="ec2") == 2
    assert left.cloud.calls(account=left.account, region="eu-north-1") == 0
    log = left.cloud.log(account=left.account)
    assert [one["operation"] for one in log] == ["DescribeVpcs", "DescribeVpcs", "DeleteVpc"]
    assert log[2]["arguments"] == {"VpcId": "vpc-0"}
    assert {one["key"] for one in log} == {left.cloud.owner(left.account)["aws_access_key_id"]}


def test_the_log_tells_which_calls_were_under_way_at_once(left: Owner) -> None:
    left.cloud.arm({"kind": "delay", "account": left.account, "seconds": 0.1, "count": 1})
    for _ in range(2):
        left.client("ec2").describe_vpcs()
    slow, quick = left.cloud.log(account=left.account)
    assert slow["at"] + 0.1 <= slow["until"] <= quick["at"] <= quick["until"]


def test_struck_calls_are_counted_with_what_struck_them(left: Owner) -> None:
    left.cloud.arm({"kind": "throttle", "account": left.account})
    with refused("RequestLimitExceeded"):
        left.client("ec2").describe_vpcs()
    assert [one["outcome"] for one in left.cloud.log(account=left.account)] == ["throttle"]


@pytest.mark.parametrize(
    "fault",
    [{}, {"kind": "earthquake"}, {"kind": "throttle", "colour": "blue"}, {"kind": "throttle", "count": 0}],
)
def test_a_fault_that_makes_no_sense_is_refused(cloud: LocalCloud, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="POST faults"):
        cloud.arm(fault)
    assert cloud.faults() == []


def test_limits_that_make_no_sense_are_refused(cloud: LocalCloud) -> None:
    for limits in ({"settle": -1.0}, {"patience": 1.0}, {"page_size": 0.0}):
        with pytest.raises(ValueError, match="POST limits"):
            cloud.limit(**limits)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\x00"])
def test_control_answers_nonsense_with_what_is_wrong(cloud: LocalCloud, body: bytes) -> None:
    for what in ("faults", "limits"):
        assert httpx.post(f"{cloud.url}/onenet/{what}", content=body).status_code == 400


def test_the_cloud_says_that_it_is_simulated(cloud: LocalCloud) -> None:
    assert "simulated" in httpx.get(f"{cloud.url}/onenet/healthz").json()["cloud"]
    assert httpx.get(f"{cloud.url}/onenet/nothing").status_code == 404


def test_an_operation_that_is_not_simulated_is_an_error_that_clients_understand(left: Owner) -> None:
    with refused("InvalidAction"):
        left.client("ec2").describe_network_insights_paths()


def test_other_services_are_motos_own(left: Owner) -> None:
    sqs = left.client("sqs")
    queue = sqs.create_queue(QueueName="flows")["QueueUrl"]
    assert left.account in queue
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"


CALL = Call("ec2", "CreateRoute", "111111111111", "eu-west-1")


def strikes(faults: Faults, calls: int) -> list[bool]:
    return [faults.strike(CALL) is not None for _ in range(calls)]


@given(st.integers(0, 10), st.none() | st.integers(1, 10), st.integers(0, 30))
def test_a_fault_strikes_so_many_calls_after_those_skipped(skip: int, count: int | None, calls: int) -> None:
    faults = Faults()
    faults.arm([Fault(kind=Kind.THROTTLE, skip=skip, count=count)])
    left_over = max(0, calls - skip)
    assert sum(strikes(faults, calls)) == (left_over if count is None else min(count, left_over))


def test_dice_are_repeated_with_their_seed() -> None:
    def throw(seed: int) -> list[bool]:
        faults = Faults()
        faults.arm([Fault(kind=Kind.THROTTLE, probability=0.5)], seed)
        return strikes(faults, 50)

    assert throw(1) == throw(1) != throw(2)


def test_a_fault_ends_with_its_time(moving_clock: Callable[[], float]) -> None:
    faults = Faults(clock=moving_clock)
    faults.arm([Fault(kind=Kind.THROTTLE, ttl=2.5)])
    assert strikes(faults, 4) == [True, True, False, False]


@pytest.fixture
def moving_clock() -> Callable[[], float]:
    """A clock on which every look takes a second."""
    return iter(range(1000)).__next__


def test_the_first_fault_that_matches_is_the_one() -> None:
    faults = Faults()
    faults.arm(
        [Fault(kind=Kind.DELAY, region="eu-north-1"), Fault(kind=Kind.HANG), Fault(kind=Kind.THROTTLE)]
    )
    struck = faults.strike(CALL)
    assert struck is not None
    assert struck.kind is Kind.HANG
