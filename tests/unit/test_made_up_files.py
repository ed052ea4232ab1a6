"""Which file a flow log writes of made-up traffic, and what stands in it."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from onenet_local.traffic.delivering import FlowLog, files
from onenet_local.traffic.encoders import VERSION_2
from onenet_local.traffic.generator import NONE, Traffic
from onenet_local.traffic.networks import Network
from onenet_monitor.collector.exporters import exporter_of
from onenet_monitor.flows.formats import read_all
from onenet_provisioner.drivers.aws.flow_logs import FIELDS

AT = datetime(2026, 11, 25, 8, 5, 59, tzinfo=UTC)
WEB = Network("vpc-web", "111111111111", "10.1.0.0/16", region="eu-west-1")
SHOP = Network("vpc-shop", "222222222222", "10.2.0.0/16", region="us-east-1")
LOG = FlowLog("fl-0a1b2c3d", WEB.id, WEB.account, WEB.region, "flows/of/all", FIELDS)
SEEN = Traffic([WEB, SHOP], [(0, 1)], anomalies=replace(NONE, refused=0.2)).window(
    int(AT.timestamp()) - 60, 60, 500
)


def test_a_file_is_where_aws_writes_it_and_has_what_its_network_saw() -> None:
    (file,) = files([LOG], SEEN, AT)
    assert file.bucket == "flows"
    assert file.key.startswith("of/all/AWSLogs/111111111111/vpcflowlogs/eu-west-1/2026/11/25/111111111111_")
    assert "_20261125T0805Z_" in file.key
    assert exporter_of(file.key) == "aws/111111111111/eu-west-1/fl-0a1b2c3d"
    reading = read_all([gzip.decompress(file.body)], AT)
    own = [one for one in SEEN if one.network == WEB.id]
    assert dict(reading.refused) == {}
    assert set(reading.frame["network"]) == {WEB.id}
    assert reading.frame["bytes"].sum() == sum(
        one.bytes + (one.bytes_back if one.accepted else 0) for one in own
    )


@pytest.mark.parametrize(("traffic", "action"), [("ACCEPT", "ACCEPT"), ("REJECT", "REJECT")])
def test_a_flow_log_of_one_kind_of_traffic_has_no_other(traffic: str, action: str) -> None:
    shop = FlowLog("fl-2", SHOP.id, SHOP.account, SHOP.region, "flows", tuple(VERSION_2.split()), traffic)
    (file,) = files([shop], SEEN, AT)
    header, *lines = gzip.decompress(file.body).decode().splitlines()
    assert header == VERSION_2
    assert {line.split()[-2] for line in lines} == {action}
    assert file.key.startswith("AWSLogs/222222222222/")


def test_nothing_is_written_of_networks_without_a_flow_log_or_traffic() -> None:
    assert files([], SEEN, AT) == []
    assert files([replace(LOG, network="vpc-else")], SEEN, AT) == []
