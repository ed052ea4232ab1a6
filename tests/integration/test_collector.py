"""Files as AWS delivers them come to the topic, and their messages to the end that is right."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from onenet_common.database import Database
from onenet_common.settings import Settings
from onenet_local.cloud.handle import LocalCloud, running
from onenet_local.cloud.owner import REGION, Owner
from onenet_local.traffic import delivering
from onenet_local.traffic.delivering import Delivery
from onenet_local.traffic.generator import NONE, Traffic
from onenet_local.traffic.networks import Network
from onenet_monitor.collector.cutting import MESSAGE_BYTES
from onenet_monitor.flows.formats import read_all
from onenet_provisioner.drivers.aws.flow_logs import LOG_FORMAT
from tests.integration.collector_scene import ACCOUNT, HIDDEN, Bucket, credentials, lines, packed, records_of
from tests.integration.waiting import eventually


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in credentials().items():
            environment.setenv(name, value)
        with running() as cloud:
            yield cloud


@pytest.fixture
def bucket(cloud: LocalCloud, settings: Settings) -> Iterator[Bucket]:
    yield Bucket(cloud, settings)
    cloud.disarm()


async def outcomes(bucket: Bucket) -> list[str | None]:
    """What is recorded of the bucket's files."""
    database = Database(bucket.settings.database_url.get_secret_value(), schema="collector")
    connection = await database.connect()
    try:
        rows = await connection.fetch("SELECT outcome FROM files WHERE bucket = $1 ORDER BY key", bucket.name)
    finally:
        await connection.close()
    return [row["outcome"] for row in rows]


async def test_every_line_of_every_file_comes_once_in_messages_that_can_be_read_alone(
    bucket: Bucket,
) -> None:
    first, second = lines(20_000), lines(5, start=50_000)
    bucket.deliver(packed(first), bucket.key("1"))
    bucket.deliver(packed(second), bucket.key("2"))
    async with bucket.collected():
        await bucket.queue.empty()
    published = await bucket.published()
    assert sorted(records_of(published)) == sorted(first + second)
    assert max(len(message.value) for message in published) <= MESSAGE_BYTES
    by_file = [dict(message.headers)["onenet_file"].decode() for message in published]
    assert {file: by_file.count(file) for file in by_file} == {
        f"s3://{bucket.name}/{bucket.key('1')}": 4,
        f"s3://{bucket.name}/{bucket.key('2')}": 1,
    }
    assert len({dict(message.headers)["onenet_id"] for message in published}) == 5
    assert await outcomes(bucket) == ["read", "read"]


async def test_a_file_that_is_told_of_again_is_not_read_again(bucket: Bucket) -> None:
    key = bucket.deliver(packed(lines(3)))
    async with bucket.collected():
        await bucket.queue.empty()
        bucket.queue.tell(bucket.notice(key))
        await bucket.queue.empty()
    assert records_of(await bucket.published()) == lines(3)


async def test_what_is_written_under_the_same_key_later_is_another_file(bucket: Bucket) -> None:
    async with bucket.collected():
        for start in (0, 100):
            bucket.deliver(packed(lines(3, start)))
            await bucket.queue.empty()
    assert records_of(await bucket.published()) == lines(3) + lines(3, 100)


@pytest.mark.parametrize(
    ("body", "kept", "outcome"),
    [
        (packed(lines(100))[:-5], lines(100), "truncated"),
        (gzip.compress(b"what is this?\n"), [], "no_header"),
        (b"".join(lines(100)), [], "not_gzip"),
        (packed([*lines(2), b"x" * 600_000 + b"\n", *lines(1, 2)]), lines(3), "read"),
        (packed(lines(40_000)), lines(40_000), "too_large"),
    ],
    ids=["truncated", "no flow log", "no gzip", "overlong line", "too large"],
)
async def test_the_good_part_of_a_bad_file_is_kept_and_its_message_is_done_with(
    bucket: Bucket, body: bytes, kept: list[bytes], outcome: str
) -> None:
    bucket.deliver(body)
    async with bucket.collected(ONENET_COLLECTOR_LARGEST_FILE="1000000", ONENET_COLLECTOR_HIDDEN="30"):
        await bucket.queue.empty()
    published = records_of(await bucket.published())
    assert published == kept[: len(published)]
    assert outcome == "too_large" or published == kept
    assert await outcomes(bucket) == [outcome]
    assert await bucket.aside.messages() == 0


async def test_what_cannot_come_any_more_is_done_with(bucket: Bucket) -> None:
    bucket.deliver(packed(lines(3)), "AWSLogs/of somebody unknown.log.gz")
    bucket.queue.tell(bucket.notice(bucket.key("gone")))
    bucket.queue.tell(bucket.notice(bucket.key(), bucket="a-bucket-that-is-gone"))
    async with bucket.collected():
        await bucket.queue.empty()
    assert await bucket.published() == []
    assert await bucket.aside.messages() == 0


async def test_made_up_traffic_is_delivered_as_aws_would_and_comes_to_the_topic_whole(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner(bucket.cloud, ACCOUNT)
    logged, unlogged = (owner.vpc(block) for block in ("10.1.0.0/16", "10.2.0.0/16"))
    made = owner.client("ec2").create_flow_logs(
        ResourceIds=[logged],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{bucket.name}",
        LogFormat=LOG_FORMAT,
        MaxAggregationInterval=60,
    )["FlowLogIds"]
    bucket.exporter = f"aws/{ACCOUNT}/{REGION}/{made[0]}"
    networks = [
        Network(logged, ACCOUNT, "10.1.0.0/16", region=REGION),
        Network(unlogged, ACCOUNT, "10.2.0.0/16", region=REGION),
    ]
    monkeypatch.setattr(delivering, "KEPT", 1)
    delivery = Delivery(bucket.cloud.url, ACCOUNT)
    now = datetime.now(UTC)
    traffic = Traffic(networks, [(0, 1)], anomalies=NONE)
    windows = [traffic.window(int(now.timestamp()) - before, 60, 200) for before in (120, 60)]
    async with bucket.collected():
        for window in windows:
            assert await delivery.put(networks, window, now) == 1
            await bucket.queue.empty()
    delivery.close()
    reading = read_all([message.value for message in await bucket.published()], datetime.now(UTC))
    assert dict(reading.refused) == {}
    assert set(reading.frame["network"]) == {logged}
    own = [one for window in windows for one in window if one.network == logged]
    assert reading.frame["bytes"].sum() == sum(one.bytes + one.bytes_back for one in own)
    assert bucket.s3.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 1


async def test_what_somebody_has_to_look_at_is_put_aside_by_the_queue(bucket: Bucket) -> None:
    bucket.queue.tell("no notification")
    async with bucket.collected():
        await eventually(bucket.aside.messages, lambda messages: messages == 1)


async def test_a_file_that_may_not_be_read_is_put_aside_and_read_once_it_may(bucket: Bucket) -> None:
    key = bucket.deliver(packed(lines(3)))
    bucket.cloud.arm({"kind": "unauthorized", "service": "s3"})
    async with bucket.collected():
        await eventually(bucket.aside.messages, lambda messages: messages == 1)
        bucket.cloud.disarm()
        bucket.queue.tell(bucket.notice(key))
        await bucket.queue.empty()
    assert records_of(await bucket.published()) == lines(3)


async def test_a_cloud_that_fails_for_a_while_costs_no_try_of_the_queue(bucket: Bucket) -> None:
    bucket.deliver(packed(lines(3)))
    bucket.cloud.arm(
        {"kind": "server_error", "service": "s3", "count": 4},
        {"kind": "throttle", "service": "sqs", "operation": "ReceiveMessage", "count": 2},
    )
    async with bucket.collected():
        await bucket.queue.empty()
    assert records_of(await bucket.published()) == lines(3)
    assert await bucket.aside.messages() == 0


async def test_a_message_stays_hidden_as_long_as_its_file_takes(bucket: Bucket) -> None:
    bucket.deliver(packed(lines(3)))
    bucket.cloud.arm({"kind": "delay", "service": "s3", "count": 1, "seconds": 3 * HIDDEN})
    async with bucket.collected(ONENET_COLLECTOR_CONCURRENCY="2"):
        await bucket.queue.empty()
    reads = [
        call
        for call in bucket.cloud.log(service="s3")
        if call["operation"].startswith(f"GET /{bucket.name}/")
    ]
    assert len(reads) == 1
    assert records_of(await bucket.published()) == lines(3)


async def test_a_queue_that_is_not_there_yet_is_asked_again(bucket: Bucket) -> None:
    sqs, name = bucket.queue.sqs, f"{bucket.name}-later"
    url = bucket.queue.url.replace(bucket.name, name)
    async with bucket.collected(ONENET_COLLECTOR_QUEUE_URL=url):
        await asyncio.to_thread(sqs.create_queue, QueueName=name)
        await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody='{"Event": "s3:TestEvent"}')

        async def waiting() -> str:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            answer = await asyncio.to_thread(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)
            return "".join(answer["Attributes"].values())

        await eventually(waiting, lambda found: found == "00")
