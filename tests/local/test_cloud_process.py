"""The local cloud as a process: started, asked, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from time import sleep
from typing import Any, ClassVar

import httpx
import pytest
from botocore.exceptions import BotoCoreError
from moto.core.responses import BaseResponse
from werkzeug.test import EnvironBuilder

from onenet_local.cloud.gateway import Gateway
from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud, running
from onenet_local.cloud.owner import Owner
from onenet_local.cloud.state import Cloud
from onenet_monitor.collector.notifications import Delivered, delivered


@pytest.fixture(scope="module")
def own() -> Iterator[LocalCloud]:
    """A cloud of this file's own, which may be emptied."""
    with running("--settle", "3600", "--flow-logs", "flows", "eu-central-1") as cloud:
        yield cloud


def test_its_command_line_sets_the_rules_to_which_a_test_goes_back(own: LocalCloud) -> None:
    owner = Owner(own, "111111111111")
    own.limit(settle=0)
    own.restore_limits()
    answer = owner.client("ec2").create_vpc_peering_connection(
        VpcId=owner.vpc("10.1.0.0/16"), PeerVpcId=owner.vpc("10.2.0.0/16")
    )["VpcPeeringConnection"]
    found = owner.client("ec2").describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert [one["Status"]["Code"] for one in found] == ["initiating-request"] == [answer["Status"]["Code"]]


def test_a_bucket_for_flow_logs_is_there_from_the_start_and_tells_its_queue(own: LocalCloud) -> None:
    owner = Owner(own, HUB_ACCOUNT)
    owner.client("s3", "eu-central-1").put_object(Bucket="flows", Key="AWSLogs/1", Body=b"")
    sqs = owner.client("sqs", "eu-central-1")
    url = f"{own.url}/{HUB_ACCOUNT}/flows"
    told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [delivered(message["Body"]) for message in told] == [(), (Delivered("flows", "AWSLogs/1"),)]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_although_a_call_hangs(end: signal.Signals) -> None:
    command = [sys.executable, "-m", "onenet_local.cloud", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        cloud = LocalCloud(json.loads(process.stdout.readline())["url"])
        cloud.arm({"kind": "hang", "operation": "DescribeVpcs", "seconds": 3600})
        hanging = Thread(target=_describe, args=[Owner(cloud, "111111111111")])
        hanging.start()
        while not cloud.faults()[0]["struck"]:
            pass
        process.send_signal(end)
        assert process.wait(timeout=10) == 0
        hanging.join(timeout=10)


def _describe(owner: Owner) -> None:
    with pytest.raises(BotoCoreError):
        owner.client("ec2").describe_vpcs()


class Watched(BaseResponse):
    """A service whose calls take a while and notice each other."""

    inside: ClassVar[int] = 0
    most: ClassVar[int] = 0

    def call_action(self) -> tuple[int, dict[str, Any], str]:
        Watched.inside += 1
        Watched.most = max(Watched.most, Watched.inside)
        sleep(0.002)
        Watched.inside -= 1
        return 200, {}, ""


def test_calls_that_change_resources_never_overtake_each_other() -> None:
    gateway = Gateway(Cloud(), {"ec2": lambda *_: Watched("ec2")})

    def call(_: int) -> None:
        key = "Credential=LOCAL111111111111/20260101/eu-west-1/ec2/aws4_request"
        request = EnvironBuilder(method="POST", data={"Action": "X"}, headers=[("Authorization", key)])
        assert gateway(request.get_environ()).status_code == 200

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(40)))
    assert Watched.most == 1


def test_there_are_no_kinds_of_machines_that_would_have_to_be_loaded(own: LocalCloud) -> None:
    assert Owner(own, "222222222222").client("ec2").describe_instance_types()["InstanceTypes"] == []


def test_reset_empties_every_account(own: LocalCloud) -> None:
    owner = Owner(own, "111111111111")
    owner.vpc("10.1.0.0/16")
    session = owner.assume(owner.trust("id", account=owner.account), "id")
    own.reset()
    assert [one["CidrBlock"] for one in owner.client("ec2").describe_vpcs()["Vpcs"]] == ["172.31.0.0/16"]
    assert owner.client("iam").list_roles()["Roles"] == []
    assert session["aws_access_key_id"].startswith("ASIA")
    assert own.calls() == 2


def test_a_port_that_is_taken_is_said(own: LocalCloud) -> None:
    port = str(httpx.URL(own.url).port)
    command = [sys.executable, "-m", "onenet_local.cloud", "--port", port]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (second.returncode, second.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
