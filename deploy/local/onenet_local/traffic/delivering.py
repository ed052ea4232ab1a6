"""Made-up traffic as AWS delivers it: what the flow logs of networks saw, as files in their buckets.

A network without a flow log is not seen. Sources: Amazon VPC user guide, flow log files and publishing to
Amazon S3.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud
from onenet_local.cloud.owner import Owner
from onenet_local.services import REGION
from onenet_local.traffic.encoders import VERSION_2, aws
from onenet_local.traffic.exchanges import Exchange
from onenet_local.traffic.networks import Network

KEPT = 500
"""Files after which the oldest one is deleted, as a rule of the bucket's does at AWS: the local cloud is in
memory."""


@dataclass(frozen=True, slots=True)
class FlowLog:
    """A flow log that leads to a bucket.

    Args:
        network: whose it is, by its id, with ``account`` and ``region``.
        destination: ``bucket``, or ``bucket/folder``.
        fields: what each line says, in order.
        traffic: ALL, ACCEPT or REJECT.
    """

    id: str
    network: str
    account: str
    region: str
    destination: str
    fields: tuple[str, ...]
    traffic: str = "ALL"

    def sees(self, exchange: Exchange) -> bool:
        wanted = {"ACCEPT": True, "REJECT": False}.get(self.traffic)
        return exchange.network == self.network and wanted in (None, exchange.accepted)


@dataclass(frozen=True, slots=True)
class File:
    """What is written where."""

    bucket: str
    key: str
    body: bytes


def files(logs: Iterable[FlowLog], exchanges: Sequence[Exchange], at: datetime) -> list[File]:
    """A file for each flow log that saw anything. Pure.

    Args:
        at: when it is written, in UTC.
    """
    seen = [(log, [one for one in exchanges if log.sees(one)]) for log in logs]
    return [_file(log, some, at) for log, some in seen if some]


class Delivery:
    """Writes files to the buckets of a local cloud.

    Args:
        cloud: its address.
        account: whose the buckets are: the local cloud tells a queue of what its own account writes alone.
    """

    def __init__(self, cloud: str, account: str = HUB_ACCOUNT) -> None:
        self._cloud = LocalCloud(cloud)
        self._owners: dict[str, Owner] = {}
        self._s3 = self._owner(account).client("s3", REGION)
        self._written: deque[File] = deque()

    async def put(self, networks: Collection[Network], exchanges: Sequence[Exchange], at: datetime) -> int:
        """Write what the networks' flow logs saw.

        Returns:
            How many files.

        Raises:
            BotoCoreError, ClientError: the cloud is away, or a bucket is gone; some files may be there.
        """
        return await asyncio.to_thread(self._put, networks, exchanges, at)

    def close(self) -> None:
        self._cloud.close()

    def _put(self, networks: Collection[Network], exchanges: Sequence[Exchange], at: datetime) -> int:
        found = files(self._logs(networks), exchanges, at)
        for file in found:
            self._s3.put_object(Bucket=file.bucket, Key=file.key, Body=file.body)
            self._written.append(File(file.bucket, file.key, b""))
        while len(self._written) > KEPT:
            old = self._written.popleft()
            self._s3.delete_object(Bucket=old.bucket, Key=old.key)
        return len(found)

    def _logs(self, networks: Collection[Network]) -> list[FlowLog]:
        places: dict[tuple[str, str], set[str]] = defaultdict(set)
        for network in networks:
            places[network.account, network.region].add(network.id)
        return [
            _flow_log(told, account, region)
            for (account, region), ids in places.items()
            for told in self._described(account, region)
            if told["ResourceId"] in ids and told.get("LogDestinationType") == "s3"
        ]

    def _described(self, account: str, region: str) -> list[Mapping[str, Any]]:
        ec2 = self._owner(account).client("ec2", region)
        return [
            one for page in ec2.get_paginator("describe_flow_logs").paginate() for one in page["FlowLogs"]
        ]

    def _owner(self, account: str) -> Owner:
        return self._owners.setdefault(account, Owner(self._cloud, account))


def _flow_log(told: Mapping[str, Any], account: str, region: str) -> FlowLog:
    written = told.get("LogFormat") or " ".join(f"${{{name}}}" for name in VERSION_2.split())
    return FlowLog(
        id=told["FlowLogId"],
        network=told["ResourceId"],
        account=account,
        region=region,
        destination=told["LogDestination"].partition(":::")[2],
        fields=tuple(name.removeprefix("${").removesuffix("}") for name in written.split()),
        traffic=told.get("TrafficType", "ALL"),
    )


def _file(log: FlowLog, exchanges: Sequence[Exchange], at: datetime) -> File:
    bucket, _, folder = log.destination.partition("/")
    text = aws(log.fields)(exchanges)
    key = (
        f"{folder.strip('/')}/AWSLogs/{log.account}/vpcflowlogs/{log.region}/{at:%Y/%m/%d}/"
        f"{log.account}_vpcflowlogs_{log.region}_{log.id}_{at:%Y%m%dT%H%MZ}_{zlib.crc32(text):08x}.log.gz"
    )
    return File(bucket, key.lstrip("/"), gzip.compress(text, compresslevel=1))
