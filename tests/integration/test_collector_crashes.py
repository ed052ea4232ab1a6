"""A collector that dies anywhere repeats no more than a batch, under the identities that it had."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import pytest

from onenet_common.database import Database
from onenet_common.producer import Outgoing
from onenet_common.settings import Settings
from onenet_local.cloud.handle import LocalCloud, running
from onenet_local.probes import free_port
from onenet_monitor.collector.files import Files
from onenet_monitor.collector.identities import File
from onenet_monitor.collector.main import MIGRATIONS
from onenet_monitor.collector.notifications import Delivered
from onenet_monitor.collector.outcomes import Outcome
from onenet_monitor.collector.publishing import BATCH, Publisher
from onenet_monitor.collector.source import Download
from tests import databases
from tests.integration.collector_scene import Bucket, credentials, lines, once, packed, records_of
from tests.integration.waiting import eventually

KEY = (
    "AWSLogs/333333333333/vpcflowlogs/eu-west-1/2026/11/25/"
    "333333333333_vpcflowlogs_eu-west-1_fl-1_20261125T0805Z_1.log.gz"
)
RECORDS = lines(60_000)
PACKED = packed(RECORDS)
SENDS = 3
_numbers = count(1)


class Died(BaseException):
    """What a process that was killed does next: nothing."""


class Shelf:
    """One file."""

    def __init__(self) -> None:
        self.etag = f"etag-{next(_numbers)}"

    @asynccontextmanager
    async def download(self, found: Delivered) -> AsyncIterator[Download]:
        async def blocks() -> AsyncIterator[bytes]:
            for start in range(0, len(PACKED), 10_007):
                yield PACKED[start : start + 10_007]

        yield Download(File(found.bucket, found.key, self.etag), datetime.now(UTC), blocks())


class Topic:
    """Keeps what is sent; dies once, before or after the send of that number."""

    def __init__(self, dies: int | None = None, *, heard: bool = True) -> None:
        self.sent: list[Outgoing] = []
        self._dies = dies
        self._heard = heard
        self._sends = 0

    async def send(self, records: Sequence[Outgoing]) -> None:
        self._sends += 1
        if self._sends == self._dies and not self._heard:
            raise Died
        self.sent += records
        if self._sends == self._dies:
            raise Died


@pytest.fixture(scope="module")
async def files(postgres_url: str) -> AsyncIterator[Files]:
    database = Database(postgres_url, schema="collector_crashes", migrations=MIGRATIONS)
    await databases.start(database, MIGRATIONS)
    yield Files(database)
    await database.stop()


def publisher(shelf: Shelf, files: Files, topic: Topic) -> Publisher:
    return Publisher(shelf, files, topic, largest=10**9, stopping=lambda: False)


@pytest.mark.parametrize("heard", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("dies", range(1, SENDS + 1))
async def test_whatever_is_sent_again_is_known_by_its_identity(files: Files, dies: int, heard: bool) -> None:
    shelf, topic = Shelf(), Topic(dies, heard=heard)
    found = Delivered("flows", KEY)
    with pytest.raises(Died):
        await publisher(shelf, files, topic).publish(found)
    assert await publisher(shelf, files, topic).publish(found) is Outcome.READ
    by_id: dict[bytes | None, list[bytes | None]] = {}
    for record in topic.sent:
        by_id.setdefault(dict(record.headers)["onenet_id"], []).append(record.value)
    assert records_of(value[0] or b"" for value in by_id.values()) == RECORDS
    assert all(len(set(values)) == 1 for values in by_id.values())
    assert len(topic.sent) - len(by_id) <= (BATCH if heard else 0)
    assert await publisher(shelf, files, topic).publish(found) is Outcome.REPEATED


async def test_two_who_read_the_same_file_at_once_send_the_same_messages(files: Files) -> None:
    shelf, topic, found = Shelf(), Topic(), Delivered("flows", KEY)
    await asyncio.gather(*(publisher(shelf, files, topic).publish(found) for _ in range(2)))
    by_id = {dict(record.headers)["onenet_id"]: record.value or b"" for record in topic.sent}
    assert records_of(by_id.values()) == RECORDS


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def large_file() -> tuple[list[bytes], bytes]:
    """Records that take a while to read, and the file of them."""
    records = lines(400_000)
    return records, packed(records)


@asynccontextmanager
async def process(bucket: Bucket, **changes: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A collector in a process of its own."""
    own = {
        **bucket.told(**changes),
        **credentials(),
        "PATH": os.environ["PATH"],
        "ONENET_OPS_PORT": str(free_port()),
    }
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "onenet_monitor.collector.main"),
        env=own,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


@pytest.mark.parametrize(
    ("end", "hidden"),
    # Whoever is asked to end gives its message back at once.
    [(signal.SIGKILL, "3"), (signal.SIGTERM, "600")],
    ids=["killed", "asked to end"],
)
async def test_a_process_that_ends_in_the_middle_of_a_file_is_taken_over_from(
    cloud: LocalCloud,
    settings: Settings,
    large_file: tuple[list[bytes], bytes],
    end: signal.Signals,
    hidden: str,
) -> None:
    # On a busy machine a message that is hidden for so short may be seen again, which counts as a try.
    bucket = Bucket(cloud, settings, tries=10)
    records, body = large_file
    bucket.deliver(body)
    before = await bucket.on_the_topic()
    async with process(bucket, ONENET_COLLECTOR_HIDDEN=hidden) as first:
        early = await eventually(bucket.on_the_topic, lambda messages: messages > before) - before
        first.send_signal(end)
        async with asyncio.timeout(10):
            code = await first.wait()
    assert code == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    assert await bucket.queue.messages() == 1
    async with process(bucket, ONENET_COLLECTOR_HIDDEN="600"):
        await bucket.queue.empty()
    assert await bucket.aside.messages() == 0
    published = await bucket.published()
    assert early < len(once(published)) <= len(published) <= len(once(published)) + BATCH
    assert records_of(once(published)) == records
