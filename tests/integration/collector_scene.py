"""A bucket, the queue that tells of its files, and a collector, for tests."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from onenet_common.events import FLOWS
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import REGION, Owner
from onenet_monitor.collector.main import wire
from onenet_monitor.collector.settings import CollectorSettings
from tests.integration.waiting import eventually

ACCOUNT = "333333333333"
HEADER = b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end\n"
HIDDEN = 1
_numbers = count(1)


def lines(number: int, start: int = 0) -> list[bytes]:
    """Records that can be told apart."""
    return [
        b"2 333333333333 eni-0a1b2c3d 10.0.0.1 10.1.0.1 %d 443 6 7 %d 1700000000 1700000060\n"
        % (place % 60_000, place)
        for place in range(start, start + number)
    ]


def packed(records: Iterable[bytes]) -> bytes:
    return gzip.compress(HEADER + b"".join(records), compresslevel=1)


def records_of(messages: Iterable[ConsumerRecord | bytes]) -> list[bytes]:
    """The lines of messages, each of which must begin with the header."""
    found: list[bytes] = []
    for message in messages:
        first, *rest = (message if isinstance(message, bytes) else message.value).splitlines(keepends=True)
        assert first == HEADER
        found += rest
    return found


def once(messages: Iterable[ConsumerRecord]) -> list[ConsumerRecord]:
    """Messages as they count: the first of each identity."""
    by_id: dict[bytes, ConsumerRecord] = {}
    for message in messages:
        by_id.setdefault(dict(message.headers)["onenet_id"], message)
    return list(by_id.values())


@dataclass(frozen=True)
class Queue:
    """An SQS queue, as its owner sees it."""

    sqs: Any
    url: str

    async def messages(self) -> int:
        """How many there are, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(
            self.sqs.get_queue_attributes, QueueUrl=self.url, AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    async def empty(self) -> None:
        await eventually(self.messages, lambda messages: messages == 0)

    def tell(self, body: Any) -> None:
        self.sqs.send_message(
            QueueUrl=self.url, MessageBody=body if isinstance(body, str) else json.dumps(body)
        )

    def arn(self) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])


class Bucket:
    """A bucket whose files are told of; each test has one with queues of its own.

    Args:
        tries: how often a message is given out before it is put aside.
    """

    def __init__(self, cloud: LocalCloud, settings: Settings, *, tries: int = 2) -> None:
        owner = Owner(cloud, ACCOUNT)
        self.cloud = cloud
        self.settings = settings
        self.name = f"flows-{next(_numbers)}"
        self.flow_log = f"fl-{next(_numbers):08x}"
        self.exporter = f"aws/{ACCOUNT}/{REGION}/{self.flow_log}"
        self.s3, sqs = owner.client("s3"), owner.client("sqs")
        self.aside = Queue(sqs, sqs.create_queue(QueueName=f"{self.name}-aside")["QueueUrl"])
        redrive = {"deadLetterTargetArn": self.aside.arn(), "maxReceiveCount": str(tries)}
        attributes = {"RedrivePolicy": json.dumps(redrive)}
        self.queue = Queue(sqs, sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"])
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        told = {"QueueArn": self.queue.arn(), "Events": ["s3:ObjectCreated:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"QueueConfigurations": [told]}
        )

    def key(self, name: str = "1") -> str:
        folder = f"of team a+b/AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/11/25/"
        return f"{folder}{ACCOUNT}_vpcflowlogs_{REGION}_{self.flow_log}_20261125T0805Z_{name}.log.gz"

    def deliver(self, body: bytes, key: str | None = None) -> str:
        """Write a file, of which the queue is told; its key."""
        key = key or self.key()
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return key

    def notice(self, key: str, bucket: str | None = None) -> dict[str, Any]:
        """What S3 writes of a file, keys without blanks."""
        s3 = {"bucket": {"name": bucket or self.name}, "object": {"key": key.replace("+", "%2B")}}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]}

    def told(self, **changes: Any) -> dict[str, str]:
        """A collector's environment."""
        own = {
            "ONENET_COLLECTOR_QUEUE_URL": self.queue.url,
            "ONENET_COLLECTOR_AWS_REGION": REGION,
            "ONENET_COLLECTOR_AWS_ENDPOINT_URL": self.cloud.url,
            "ONENET_COLLECTOR_HIDDEN": str(HIDDEN),
            "ONENET_COLLECTOR_POLL": "1",
            **changes,
        }
        shared = ("kafka", "kafka_idempotence", "kafka_partitions")
        for name in shared:
            own[f"ONENET_{name.upper()}"] = str(getattr(self.settings, name))
        own["ONENET_DATABASE_URL"] = self.settings.database_url.get_secret_value()
        return own

    @asynccontextmanager
    async def collected(self, **changes: Any) -> AsyncIterator[None]:
        """With a collector, for as long as the block lasts."""
        told = {name: value for name, value in self.told(**changes).items() if "COLLECTOR" in name}
        shared = self.settings.model_dump(include={"kafka", "kafka_idempotence", "kafka_partitions"})
        settings = CollectorSettings.model_validate(
            {**shared, "database_url": self.settings.database_url, **told}
        )
        components = wire(settings)
        try:
            for component in components:
                await component.start()
            yield
        finally:
            for component in reversed(components):
                await component.stop()

    async def published(self) -> list[ConsumerRecord]:
        """Everything on the topic of this bucket's exporter until now, in order."""
        async with _reading(self.settings) as (kafka, ends):
            found: list[ConsumerRecord] = []
            while any([await kafka.position(place) < end for place, end in ends.items()]):
                for batch in (await kafka.getmany(timeout_ms=50)).values():
                    found += (record for record in batch if record.key == self.exporter.encode())
            return found

    async def on_the_topic(self) -> int:
        """How many messages there are, of whomever."""
        async with _reading(self.settings) as (_, ends):
            return sum(ends.values())


@asynccontextmanager
async def _reading(
    settings: Settings,
) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[TopicPartition, int]]]:
    """A consumer of the topic of flows from its beginning, and where each partition ends."""
    await Topics(settings).start()
    async with AIOKafkaConsumer(
        FLOWS,
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,
        metadata_max_age_ms=200,
    ) as kafka:

        async def places() -> frozenset[TopicPartition]:
            return frozenset(kafka.assignment())

        yield kafka, await kafka.end_offsets(await eventually(places))


def credentials() -> dict[str, str]:
    """Those of the collector's role, as AWS's SDKs look for them."""
    return {
        "AWS_ACCESS_KEY_ID": f"LOCAL{ACCOUNT}",
        "AWS_SECRET_ACCESS_KEY": "not-checked",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
