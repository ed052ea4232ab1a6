"""Flow logs that connections share, and what becomes of a connection whose traffic cannot be logged."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from onenet_common.connection import Side
from onenet_local.cloud.handle import LocalCloud
from onenet_provisioner.drivers.aws.flow_logs import FIELDS, MOST_CONNECTIONS, NOT_VISIBLE
from onenet_provisioner.drivers.aws.peering import AwsPeering
from onenet_provisioner.drivers.aws.reads import Reads
from onenet_provisioner.drivers.aws.sessions import Sessions
from onenet_provisioner.drivers.driver import Link

from .aws_scene import AwsScene, AwsSceneWithFlowLogs, Place, bucket
from .networks import link, network
from .run import deleted, drive


@pytest.fixture
def scene(cloud: LocalCloud, sessions: Sessions, left: Place, right: Place) -> AwsSceneWithFlowLogs:
    return AwsSceneWithFlowLogs(cloud, sessions, left, right)


def neighbour(scene: AwsSceneWithFlowLogs) -> Link:
    """Another connection of the left VPC, to another one on the right."""
    place = scene.places[Side.RIGHT]
    block = "10.77.0.0/16"
    return link(
        scene.link.wish.left,
        network(place.provider, place.owner.vpc(block, region=place.provider.region), block),
    )


def made(scene: AwsSceneWithFlowLogs, side: Side = Side.LEFT) -> list[dict[str, Any]]:
    """OneNet's flow logs on the side's VPC."""
    return [
        log for log in scene.flow_logs(side) if any(tag["Key"] == "onenet:flow-log" for tag in log["Tags"])
    ]


async def test_a_flow_log_says_whose_packets_they_were_every_minute(scene: AwsSceneWithFlowLogs) -> None:
    built = await drive(scene.driver(), scene.link)
    (log,) = made(scene)
    assert log["LogDestination"] == scene.logs_to
    assert (log["TrafficType"], log["MaxAggregationInterval"]) == ("ALL", 60)
    assert log["LogFormat"].split() == [f"${{{name}}}" for name in FIELDS]
    assert {"pkt-srcaddr", "pkt-dstaddr", "vpc-id", "flow-direction"} <= set(FIELDS)
    assert built.seen.details["flow_log_left"] == log["FlowLogId"]


async def test_connections_of_a_network_share_its_flow_log_until_the_last_one_goes(
    scene: AwsSceneWithFlowLogs,
) -> None:
    first, second = scene.link, neighbour(scene)
    await drive(scene.driver(), first)
    (log,) = made(scene)
    await drive(scene.driver(), second)
    await drive(scene.driver(), deleted(first))
    assert [one["FlowLogId"] for one in made(scene)] == [log["FlowLogId"]]
    assert made(scene, Side.RIGHT) == []
    assert (await drive(scene.driver(), second)).done == []
    await drive(scene.driver(), deleted(second))
    assert made(scene) == []


async def test_of_two_that_leave_at_once_the_later_one_deletes_the_flow_log(
    scene: AwsSceneWithFlowLogs,
) -> None:
    links = [scene.link, neighbour(scene)]
    for one in links:
        await drive(scene.driver(), one)
    driver = scene.driver()
    # Both plan before either acts: each sees the other one there.
    plans = [(one, driver.plan(one, await driver.observe(one))) for one in map(deleted, links)]
    for one, plan in plans:
        for step in plan:
            await driver.apply(one, step)
    assert len(made(scene)) == 1
    for one, _ in plans:
        await drive(driver, one)
    assert made(scene) == []


async def test_a_flow_log_that_is_made_at_the_same_time_is_shared(scene: AwsSceneWithFlowLogs) -> None:
    first, second = scene.link, neighbour(scene)
    driver = scene.driver()
    seen = await driver.observe(second)
    await drive(driver, first)
    for step in driver.plan(second, seen):
        if step.action == "create_flow_log":
            await driver.apply(second, step)
    built = await drive(driver, second)
    (log,) = made(scene)
    assert built.seen.details["flow_log_left"] == log["FlowLogId"]
    await drive(driver, deleted(first))
    assert len(made(scene)) == 1


async def test_a_flow_log_of_somebody_else_to_the_same_place_is_used_as_it_is(
    scene: AwsSceneWithFlowLogs,
) -> None:
    theirs = scene.log_by_hand(Side.LEFT, scene.logs_to.rstrip("/"))
    before = scene.flow_logs(Side.LEFT)
    built = await drive(scene.driver(), scene.link)
    assert built.seen.details["flow_log_left"] == theirs
    await drive(scene.driver(), deleted(built.link))
    assert scene.flow_logs(Side.LEFT) == before


async def test_flow_logs_follow_the_operator_to_another_bucket(scene: AwsSceneWithFlowLogs) -> None:
    built = await drive(scene.driver(), scene.link)
    scene.bucket = bucket(scene.places[Side.RIGHT].owner, "another-bucket")
    moved = await drive(scene.driver(), built.link)
    assert [log["LogDestination"] for log in made(scene)] == [scene.logs_to]
    await drive(scene.driver(), deleted(moved.link))
    assert made(scene) == []


async def test_a_connection_beyond_what_tags_can_hold_uses_the_flow_log_all_the_same(
    scene: AwsSceneWithFlowLogs,
) -> None:
    await drive(scene.driver(), neighbour(scene))
    (log,) = made(scene)
    others = [{"Key": f"onenet:connection/{number}", "Value": ""} for number in range(MOST_CONNECTIONS)]
    scene.places[Side.LEFT].ec2.create_tags(Resources=[log["FlowLogId"]], Tags=others)
    built = await drive(scene.driver(), scene.link)
    assert built.seen.details["flow_log_left"] == log["FlowLogId"]
    assert scene.objects() == scene.complete() - Counter(flow_log=1)
    await drive(scene.driver(), deleted(built.link))
    assert len(made(scene)) == 1


async def test_a_connection_stands_where_its_traffic_cannot_be_logged(scene: AwsSceneWithFlowLogs) -> None:
    scene.bucket = "arn:aws:s3:::a-bucket-that-is-gone"
    built = await drive(scene.driver(), scene.link)
    assert scene.objects()["path"] == 1
    assert "a-bucket-that-is-gone does not exist" in built.seen.details["flow_log_left"]
    assert (await drive(scene.driver(), built.link)).done == []


async def test_a_refusal_is_asked_about_again_when_the_connection_changes(
    scene: AwsSceneWithFlowLogs, cloud: LocalCloud
) -> None:
    cloud.arm({"kind": "unauthorized", "operation": "CreateFlowLogs", "account": "111111111111"})
    built = await drive(scene.driver(), scene.link)
    assert "UnauthorizedOperation" in built.seen.details["flow_log_left"]
    cloud.disarm()
    changed = await drive(scene.driver(), replace(built.link, generation=2))
    assert [step.action for step in changed.done] == ["create_flow_log"]
    assert changed.seen.details["flow_log_left"] == scene.own_flow_log(Side.LEFT)


async def test_a_connection_stands_where_flow_logs_may_not_be_seen(
    scene: AwsSceneWithFlowLogs, cloud: LocalCloud
) -> None:
    cloud.arm({"kind": "unauthorized", "operation": "DescribeFlowLogs", "account": "111111111111"})
    built = await drive(scene.driver(), scene.link)
    assert built.seen.details["flow_log_left"] == NOT_VISIBLE
    assert (await drive(scene.driver(), built.link)).done == []
    cloud.disarm()
    assert scene.objects() == scene.complete() - Counter(flow_log=1)
    assert [made(scene, side) != [] for side in Side] == [False, True]


async def test_nothing_is_asked_about_flow_logs_that_nobody_wants(
    cloud: LocalCloud, sessions: Sessions, left: Place, right: Place
) -> None:
    scene = AwsScene(cloud, sessions, left, right)
    cloud.forget_calls()
    await drive(AwsPeering(sessions, Reads(sessions), look_again=0.01), scene.link)
    assert cloud.calls(operation="DescribeFlowLogs") == 0
