"""Flow logs in the local cloud: where they may go, and what AWS refuses inside a success."""

from __future__ import annotations

from typing import Any

import pytest

from onenet_local.cloud.owner import Owner


@pytest.fixture
def bucket(right: Owner) -> str:
    """The ARN of a bucket of another account."""
    name = f"flows-of-{right.account}"
    right.client("s3", "us-east-1").create_bucket(Bucket=name)
    return f"arn:aws:s3:::{name}"


def create(owner: Owner, vpc: str, destination: str) -> Any:
    return owner.client("ec2").create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=destination,
        MaxAggregationInterval=60,
    )


def refusals(answer: Any) -> list[tuple[str, str]]:
    return [(item["ResourceId"], item["Error"]["Code"]) for item in answer["Unsuccessful"]]


def test_flow_logs_go_to_a_folder_of_a_bucket_of_any_account(left: Owner, bucket: str) -> None:
    vpc = left.vpc("10.1.0.0/16")
    (made,) = create(left, vpc, f"{bucket}/a/folder/")["FlowLogIds"]
    (found,) = left.client("ec2").describe_flow_logs(Filter=[{"Name": "resource-id", "Values": [vpc]}])[
        "FlowLogs"
    ]
    assert (found["FlowLogId"], found["LogDestination"]) == (made, f"{bucket}/a/folder/")


def test_a_second_one_to_the_same_place_is_refused(left: Owner, bucket: str) -> None:
    vpc = left.vpc("10.1.0.0/16")
    for place in (f"{bucket}/a/", f"{bucket}/b/"):
        assert refusals(create(left, vpc, place)) == []
    assert refusals(create(left, vpc, f"{bucket}/a/")) == [(vpc, "FlowLogAlreadyExists")]


def test_a_bucket_that_is_not_there_is_refused(left: Owner) -> None:
    vpc = left.vpc("10.1.0.0/16")
    answer = create(left, vpc, "arn:aws:s3:::of-nobody/")
    assert (answer["FlowLogIds"], refusals(answer)) == ([], [(vpc, "400")])


def test_what_is_deleted_again_is_told_as_not_found(left: Owner, bucket: str) -> None:
    made = create(left, left.vpc("10.1.0.0/16"), bucket)["FlowLogIds"]
    ec2 = left.client("ec2")
    assert refusals(ec2.delete_flow_logs(FlowLogIds=made)) == []
    assert refusals(ec2.delete_flow_logs(FlowLogIds=made)) == [(made[0], "InvalidFlowLogId.NotFound")]


def test_tags_go_with_what_is_deleted(left: Owner, bucket: str) -> None:
    made = create(left, left.vpc("10.1.0.0/16"), bucket)["FlowLogIds"]
    ec2 = left.client("ec2")
    ec2.create_tags(Resources=made, Tags=[{"Key": "onenet:flow-log", "Value": "1"}])
    ec2.delete_flow_logs(FlowLogIds=made)
    ours = [{"Name": "resource-id", "Values": made}]
    assert ec2.describe_tags(Filters=ours)["Tags"] == []
