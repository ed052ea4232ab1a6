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
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from onenet_common.events import FLOWS
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from tests.integration.waiting import eventually

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "pmacct"
PMACCTD = shutil.which("pmacctd")
IPV4, IPV6, UDP = 20, 40, 8
"""Bytes of a header."""

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
        self.found: list[dict[str, Any]] = []
        self._kafka = kafka
        self._exporter = exporter.encode()

    async def read(self) -> list[dict[str, Any]]:
        for batch in (await self._kafka.getmany(timeout_ms=50)).values():
            for record in batch:
                if record.key == self._exporter:
                    self.found += map(json.loads, record.value.splitlines())
        return self.found

    def sums(self, port: int) -> dict[tuple[str, str, int], tuple[int, int]]:
        """Packets and bytes to that port, by addresses and the port that they came from."""
        sums: dict[tuple[str, str, int], tuple[int, int]] = {}
        for one in self.found:
            if one["port_dst"] == port:
                flow = (one["ip_src"], one["ip_dst"], one["port_src"])
                packets, octets = sums.get(flow, (0, 0))
                sums[flow] = (packets + one["packets"], octets + one["bytes"])
        return sums


async def test_what_pmacct_writes_is_what_the_packets_were(settings: Settings, tmp_path: Path) -> None:
    exporter, port, probe = f"pmacctd/{uuid4()}", 47_113, 47_114
    packets = f"udp dst portrange {port}-{probe}"
    async with reading(settings) as kafka, pmacctd(settings, tmp_path, exporter, packets):
        records = Records(kafka, exporter)

        async def probed() -> object:
            send(socket.AF_INET, probe, 1, 1)
            await records.read()
            return records.sums(probe)

        async def packets_seen() -> int:
            await records.read()
            return sum(packets for packets, _ in records.sums(port).values())

        await eventually(probed)
        began = time.time()
        ipv4 = send(socket.AF_INET, port, 7, 100)
        ipv6 = send(socket.AF_INET6, port, 3, 1000)
        await eventually(packets_seen, lambda seen: seen >= 10)
    assert records.sums(port) == {
        ("127.0.0.1", "127.0.0.1", ipv4): (7, 7 * (IPV4 + UDP + 100)),
        ("::1", "::1", ipv6): (3, 3 * (IPV6 + UDP + 1000)),
    }
    ours = [one for one in records.found if one["port_dst"] == port]
    assert {(one["event_type"], one["ip_proto"], one["label"]) for one in ours} == {
        ("purge", "udp", "site-1")
    }
    assert all(began <= float(one["timestamp_min"]) <= float(one["timestamp_max"]) for one in ours)
