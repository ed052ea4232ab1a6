"""Made-up traffic on the running stack: whose networks it is of, and that it arrives as flow logs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from typer.testing import CliRunner

from onenet_common.connection import CType
from onenet_common.envelope import Message
from onenet_common.events import (
    CONNECTIONS,
    FLOWS,
    INVENTORY,
    ConnectionDeleted,
    ConnectionEstablished,
    ResourceDiscovered,
)
from onenet_common.producer import Outgoing
from onenet_local.cli import app
from onenet_local.traffic.command import read as read_file
from onenet_local.traffic.encoders import FORMATS, VERSION_5
from onenet_local.traffic.generator import NONE, Traffic
from onenet_local.traffic.landscape import landscape
from onenet_local.traffic.living import Living
from onenet_local.traffic.sending import send
from onenet_monitor.flows.formats import read_all
from tests.brokers import running_broker
from tests.samples import LEFT, NOW, RIGHT, deletion_requested, evaluated, requested, wish

PATIENCE = 30.0
BOTH = {"10.1.", "10.2."}
"""How the addresses of the two networks begin."""


@pytest.fixture
async def kafka() -> AsyncIterator[str]:
    async with running_broker() as broker:
        yield broker.address


async def publish(kafka: str, *messages: Message) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for record in map(Outgoing.of, messages):
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=[(k, v or b"") for k, v in record.headers]
            )


async def test_the_networks_and_links_are_those_that_the_stack_knows_and_their_logs_arrive(
    kafka: str,
) -> None:
    asked = wish()
    established = ConnectionEstablished(
        connection_id=asked.id, generation=1, ctype=CType.AWS_PEERING, details={"peering_id": "pcx-1"}
    )
    discovered = [ResourceDiscovered(resource_id=one.id, at=NOW, resource=one) for one in (LEFT, RIGHT)]
    await publish(
        kafka, *map(Message.of, discovered), requested(asked), evaluated(asked), Message.of(established)
    )
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(INVENTORY, b"no event")
        await producer.send_and_wait(CONNECTIONS, b"no event")
    known = await landscape(kafka)
    names = [network.id for network in known.networks]
    assert sorted(names) == ["vpc-left", "vpc-right"]
    assert [(names[left], names[right]) for left, right in known.links] == [("vpc-left", "vpc-right")]
    traffic = Traffic(known.networks, known.links, anomalies=NONE)
    sent = await send(kafka, traffic, FORMATS["aws"], rate=3000, seconds=1)
    reading = read_all(await values(kafka), datetime.fromtimestamp(time.time() + 60, UTC))
    assert (sent, dict(reading.refused)) == (3000, {})
    assert sent < reading.frame.height <= 2 * sent
    assert set(reading.frame["network"]) == {"vpc-left", "vpc-right"}


async def test_traffic_beside_the_stack_follows_connections_as_they_come_and_go(kafka: str) -> None:
    asked = wish()
    discovered = [ResourceDiscovered(resource_id=one.id, at=NOW, resource=one) for one in (LEFT, RIGHT)]
    established = ConnectionEstablished(
        connection_id=asked.id, generation=1, ctype=CType.AWS_PEERING, details={"peering_id": "pcx-1"}
    )
    deleted = ConnectionDeleted(connection_id=asked.id, generation=2)
    beside = Living(kafka, rate=200, every=1)
    await beside.start()
    try:
        reading = AIOKafkaConsumer(FLOWS, bootstrap_servers=kafka, auto_offset_reset="earliest")
        async with asyncio.timeout(PATIENCE), reading as logs:
            await publish(kafka, *map(Message.of, discovered))
            assert not await carried(logs)
            message = Message.of(established)
            await publish(kafka, requested(asked), evaluated(asked), message)
            while not (begun := await carried(logs)):
                pass
            assert min(begun) >= int(message.time.timestamp())
            await publish(kafka, deletion_requested(wish(2, id=asked.id)), Message.of(deleted))
            while await carried(logs):
                pass
    finally:
        await beside.stop()


async def carried(logs: AIOKafkaConsumer) -> list[int]:
    """When the calls between the two networks began that the next flow logs tell of, in Unix seconds."""
    record = await logs.getone()
    records = [dict(zip(VERSION_5.split(), line.split(), strict=True)) for line in _lines(record.value)]
    return [int(one["start"]) for one in records if {one["srcaddr"][:5], one["dstaddr"][:5]} == BOTH]


def _lines(value: bytes) -> list[str]:
    return value.decode().splitlines()[1:]


async def values(kafka: str) -> list[bytes]:
    """All flow logs on the topic."""
    found: list[bytes] = []
    async with AIOKafkaConsumer(FLOWS, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        while some := await consumer.getmany(timeout_ms=1000):
            found += [record.value for records in some.values() for record in records]
    return found


def test_networks_can_be_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "networks.json"
    networks = [{"native_id": f"vpc-{n}", "account": "1", "subnet": f"10.{n}.0.0/16"} for n in (1, 2)]
    path.write_text(json.dumps({"networks": networks, "links": [["vpc-2", "vpc-1"]]}))
    known = read_file(path)
    assert ([one.id for one in known.networks], known.links) == (["vpc-1", "vpc-2"], ((1, 0),))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "networks.json"),
        ("[]", '"networks" is expected'),
        ('{"networks": [{}]}', "native_id"),
        ('{"networks": [{"native_id": "a", "account": "1", "subnet": "10.0.0.1/8"}]}', "host bits"),
        ('{"networks": [], "links": [["a", "b"]]}', "links"),
    ],
)
def test_a_file_that_is_wrong_is_told_so_by_the_field(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "networks.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=told):
        read_file(path)


def test_the_command_says_when_no_stack_runs_and_which_formats_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONENET_LOCAL_DATA", str(tmp_path))
    runner = CliRunner()
    without, wrong = runner.invoke(app, ["traffic"]), runner.invoke(app, ["traffic", "--format", "csv"])
    assert (without.exit_code, wrong.exit_code) == (3, 2)
    assert "no stack runs" in without.output
    assert "aws" in wrong.output
