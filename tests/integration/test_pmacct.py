"""Debian's pmacct writes what it saw of real packets to the topic of flows, as `deploy/pmacct` tells it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from onenet_common.events import FLOWS
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from onenet_monitor.flows.formats import read
from tests.integration.waiting import eventually

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "pmacct"
PMACCTD = shutil.which("pmacctd")
IPV4, IPV6, UDP = 20, 40, 8
"""Bytes of a header."""

PORT, PROBE = 47_113, 47_114

pytestmark = [
    pytest.mark.skipif(PMACCTD is None, reason="pmacct is not installed: apt-get install pmacct"),
    pytest.mark.skipif(os.geteuid() != 0, reason="capturing packets needs root"),
    pytest.mark.skipif(
        not (os.environ.get("ONENET_LOCAL_BROKER") == "apache" or os.environ.get("ONENET_TEST_KAFKA")),
        reason="Debian's librdkafka cannot speak to the embedded broker: `make test-kafka`",
    ),
]


def configured(folder: Path, **changes: Any) -> Path:
    """The configuration that operators are given, with these lines changed."""
    lines = (FOLDER / "pmacctd.conf").read_text().splitlines()
    for key, value in changes.items():
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"{key}:")]
        lines[place] = f"{key}: {value}"
    target = folder / "pmacctd.conf"
    target.write_text("\n".join(lines) + "\n")
    return target


@asynccontextmanager
async def pmacctd(settings: Settings, folder: Path, exporter: str, packets: str) -> AsyncIterator[None]:
    """With pmacctd on the loopback interface.

    Args:
        packets: which ones it counts, as a filter of libpcap.
    """
    host, _, port = settings.kafka.partition(":")
    configuration = configured(
        folder,
        pcap_interface="lo",
        pre_tag_map=FOLDER / "network.map",
        kafka_broker_host=host,
        kafka_broker_port=port,
        kafka_partition_key=exporter,
        kafka_refresh_time=1,
    )
    with configuration.open("a") as more:
        more.write(f"pcap_filter: {packets}\nlogfile: {folder / 'pmacctd.log'}\n")
    assert PMACCTD is not None
    process = await asyncio.create_subprocess_exec(PMACCTD, "-f", str(configuration), start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            os.killpg(process.pid, 9)


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the topic of flows."""
    await Topics(settings).start()
    kafka = AIOKafkaConsumer(
        FLOWS,
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,
        metadata_max_age_ms=200,
    )
    async with kafka:
        yield kafka


def send(family: socket.AddressFamily, port: int, count: int, size: int) -> int:
    """Send datagrams to this machine itself; from which port."""
    host = "127.0.0.1" if family is socket.AF_INET else "::1"
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((host, 0))
        for _ in range(count):
            sender.sendto(bytes(size), (host, port))
        return int(sender.getsockname()[1])


class Records:
    """What one exporter has written to the topic so far."""

    def __init__(self, kafka: AIOKafkaConsumer, exporter: str) -> None:
        self.values: list[bytes] = []
        self._kafka = kafka
        self._exporter = exporter.encode()

    async def read(self) -> None:
        for batch in (await self._kafka.getmany(timeout_ms=50)).values():
            self.values += (record.value for record in batch if record.key == self._exporter)

    def to(self, port: int) -> list[dict[str, Any]]:
        """Those of packets to that port."""
        found = [json.loads(line) for value in self.values for line in value.splitlines()]
        return [one for one in found if one["port_dst"] == port]


@dataclass(frozen=True)
class Told:
    """What was sent, and what pmacct told of it; times in seconds since 1970."""

    ipv4_port: int
    ipv6_port: int
    began: float
    ended: float
    records: Records


@pytest.fixture(scope="module")
async def told(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Told:
    exporter, folder = f"pmacctd/{uuid4()}", tmp_path_factory.mktemp("pmacct")
    async with (
        reading(settings) as kafka,
        pmacctd(settings, folder, exporter, f"udp dst portrange {PORT}-{PROBE}"),
    ):
        records = Records(kafka, exporter)

        async def probed() -> object:
            """It says nothing of when it begins to look."""
            send(socket.AF_INET, PROBE, 1, 1)
            await records.read()
            return records.to(PROBE)

        async def packets() -> int:
            await records.read()
            return sum(one["packets"] for one in records.to(PORT))

        await eventually(probed)
        began = time.time()
        ipv4 = send(socket.AF_INET, PORT, 7, 100)
        ipv6 = send(socket.AF_INET6, PORT, 3, 1000)
        ended = time.time()
        await eventually(packets, lambda seen: seen >= 10)
    return Told(ipv4, ipv6, began, ended, records)


async def test_what_pmacct_writes_is_what_the_packets_were(told: Told) -> None:
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for one in told.records.to(PORT):
        assert (one["event_type"], one["ip_proto"], one["label"]) == ("purge", "udp", "site-1")
        assert told.began <= float(one["timestamp_min"]) <= told.ended
        # When its plugin took in the last packet, in whole seconds.
        assert int(told.began) <= float(one["timestamp_max"])
        flow = (one["ip_src"], one["ip_dst"], one["port_src"])
        packets, octets = sums.get(flow, (0, 0))
        sums[flow] = (packets + one["packets"], octets + one["bytes"])
    assert sums == {
        ("127.0.0.1", "127.0.0.1", told.ipv4_port): (7, 7 * (IPV4 + UDP + 100)),
        ("::1", "::1", told.ipv6_port): (3, 3 * (IPV6 + UDP + 1000)),
    }


async def test_the_reader_of_flows_understands_what_pmacct_writes(told: Told) -> None:
    found = []
    for value in told.records.values:
        understood = read(value, datetime.now(UTC))
        assert not understood.refused
        found += [row for row in understood.frame.rows(named=True) if row["dst_port"] == PORT]
    assert {(row["src"], row["dst"], row["network"], row["protocol"]) for row in found} == {
        ("127.0.0.1", "127.0.0.1", "site-1", 17),
        ("::1", "::1", "site-1", 17),
    }
    assert sum(row["packets"] for row in found) == 10
    assert sum(row["bytes"] for row in found) == 7 * (IPV4 + UDP + 100) + 3 * (IPV6 + UDP + 1000)
    assert all(told.began <= row["start"].timestamp() <= row["end"].timestamp() for row in found)
