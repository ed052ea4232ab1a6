"""A file's key says who wrote it."""

from __future__ import annotations

import pytest

from onenet_monitor.collector.exporters import exporter_of

NAME = "111111111111_vpcflowlogs_eu-west-1_fl-0a1b2c3d_20261125T0805Z_9f8e7d6c.log.gz"
EXPORTER = "aws/111111111111/eu-west-1/fl-0a1b2c3d"


@pytest.mark.parametrize(
    "folder",
    [
        "AWSLogs/111111111111/vpcflowlogs/eu-west-1/2026/11/25/",
        "AWSLogs/111111111111/vpcflowlogs/eu-west-1/2026/11/25/08/",
        "some/where/AWSLogs/111111111111/vpcflowlogs/eu-west-1/2026/11/25/",
        "AWSLogs/aws-account-id=111111111111/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/hour=08/",
    ],
    ids=["days", "hours", "in a folder", "for Hive"],
)
def test_every_layout_of_aws_tells_account_region_and_flow_log(folder: str) -> None:
    assert exporter_of(folder + NAME) == EXPORTER


@pytest.mark.parametrize(
    "key",
    [
        NAME,
        f"AWSLogs/222222222222/vpcflowlogs/eu-west-1/2026/11/25/{NAME}",
        f"AWSLogs/111111111111/vpcflowlogs/us-east-1/2026/11/25/{NAME}",
        f"AWSLogs/111111111111/CloudTrail/eu-west-1/2026/11/25/{NAME}",
        f"AWSLogs/111111111111/vpcflowlogs/eu-west-1/2026/11/25/{NAME.replace('.log.gz', '.log.parquet')}",
        "AWSLogs/111111111111/vpcflowlogs/AWSLogTestFile",
    ],
    ids=["no folder", "another account", "another region", "another service", "Parquet", "AWS's test file"],
)
def test_what_is_no_flow_log_in_text_has_no_exporter(key: str) -> None:
    assert exporter_of(key) is None
