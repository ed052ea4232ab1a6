"""Flow logs at a steady rate: 50,000 records a second for ten minutes, counted by the whole stack.

The messages are made beforehand and differ only in the second that their records start in, which is that
of sending. How far the sums are behind is the age of the oldest message that they do not have yet, looked
at several times a second. Everything shares this machine, this process too.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from statistics import median

import asyncpg
from aiokafka import AIOKafkaProducer

from bench.flow_logs import HEADER, estate, lines
from bench.flows import CONNECTIONS, MESSAGE, NETWORKS, know
from bench.machine import resident
from bench.progress import tell
from bench.report import Figure, at_least, at_most
from bench.stacks import MEMORY, running
from onenet_common.events import FLOWS

NAME = "flows-steady"
RATE = 50_000
"""Records a second."""
SECONDS, QUICK_SECONDS = 600.0, 30.0
WARM = 15.0
"""Seconds at the same rate before anything is looked at: joining the group, learning the inventory."""
DIFFERENT = 20
"""Messages that are made beforehand."""
LOOK = 0.2
PATIENCE = 60.0
_START, _END = b"1111111111", b"2222222222"
"""Where the seconds since 1970 go."""


async def measure(*, quick: bool) -> list[Figure]:
    """Send at the rate, look on, and compare what was counted with what was sent."""
    seconds = QUICK_SECONDS if quick else SECONDS
    land = estate(NETWORKS, CONNECTIONS)
    async with running(MEMORY) as stack:
        database = await asyncpg.connect(stack.stack.addresses.database)
        await know(database, land)
        sender = _Sender([_template(*lines(land, MESSAGE, seed)) for seed in range(DIFFERENT)])
        await sender.start(stack.stack.addresses.kafka)
        sending = asyncio.create_task(sender.send(WARM + seconds))
        await asyncio.sleep(WARM)
        memory = [resident(stack.pids["flows"] or 0)]
        began, before = time.monotonic(), await _counted(database)
        behind: list[float] = []
        for until in (began + seconds / 2, began + seconds):
            half: list[float] = []
            while time.monotonic() < until:
                await asyncio.sleep(LOOK)
                half.append(sender.behind(await _offsets(database)))
            behind += half
            memory.append(resident(stack.pids["flows"] or 0))
            tell(f"{median(half):.1f} s behind, at most {max(half):.1f} s; {memory[-1]:.0f} MB")
        rate = (await _counted(database) - before) / (time.monotonic() - began)
        sent = await sending
        async with asyncio.timeout(PATIENCE):
            while sender.behind(await _offsets(database)):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(LOOK)
        wrong = sent - await _counted(database)
        await sender.stop()
        await database.close()
    start, middle, end = memory
    return [
        Figure(
            NAME,
            f"records counted, of {RATE:,} a second sent for {seconds:.0f} s",
            rate,
            "/s",
            at_least(0.97 * RATE),
        ),
        Figure(NAME, "the sums behind the topic, at most", max(behind), "s", at_most(5)),
        Figure(NAME, "the same, median", median(behind), "s"),
        Figure(NAME, "memory of the process at the start", start, "MB", at_most(400)),
        Figure(NAME, "in the middle", middle, "MB", at_most(400)),
        Figure(NAME, "at the end", end, "MB", at_most(400)),
        Figure(NAME, "at the end, of that in the middle", end / middle * 100, "%", at_most(110)),
        Figure(NAME, "records lost or counted twice", float(wrong), "", at_most(0)),
    ]


class _Sender:
    """Sends at the rate, and remembers when what was sent until it is counted.

    Args:
        templates: messages with ``_START`` and ``_END`` for the times.
    """

    def __init__(self, templates: list[bytes]) -> None:
        self._templates = templates
        self._waiting: dict[int, deque[tuple[int, float]]] = {}

    async def start(self, kafka: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=4_000_000)
        await self._producer.start()
        self._waiting = {part: deque() for part in await self._producer.partitions_for(FLOWS)}

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, seconds: float) -> int:
        """Send for so long, and say how many records that were."""
        clock = asyncio.get_running_loop().time
        began = clock()
        messages = int(seconds * RATE / MESSAGE)
        partitions = sorted(self._waiting)
        for number in range(messages):
            await asyncio.sleep(max(0.0, began + number * MESSAGE / RATE - clock()))
            partition = partitions[number % len(partitions)]
            now = int(time.time())
            template = self._templates[number % len(self._templates)]
            content = template.replace(_START, b"%d" % (now - 60)).replace(_END, b"%d" % now)
            at = time.monotonic()
            sent = await self._producer.send_and_wait(FLOWS, content, partition=partition)
            self._waiting[partition].append((sent.offset, at))
        return messages * MESSAGE

    def behind(self, offsets: dict[int, int]) -> float:
        """Seconds since the oldest message was sent that is not counted; 0 when all are.

        Args:
            offsets: the next one to be counted, by partition.
        """
        oldest = now = time.monotonic()
        for partition, waiting in self._waiting.items():
            while waiting and waiting[0][0] < offsets.get(partition, 0):
                waiting.popleft()
            oldest = min(oldest, waiting[0][1] if waiting else now)
        return now - oldest


def _template(*records: str) -> bytes:
    """A message whose records start and end at placeholders."""
    split = [record.split(" ") for record in records]
    start, end = (HEADER.split(" ").index(name) for name in ("start", "end"))
    for fields in split:
        fields[start], fields[end] = _START.decode(), _END.decode()
    return "\n".join([HEADER, *(" ".join(fields) for fields in split), ""]).encode()


async def _offsets(database: asyncpg.Connection[asyncpg.Record]) -> dict[int, int]:
    rows = await database.fetch(
        "SELECT partition, next_offset FROM monitor.flow_offsets WHERE topic = $1", FLOWS
    )
    return {row["partition"]: row["next_offset"] for row in rows}


async def _counted(database: asyncpg.Connection[asyncpg.Record]) -> int:
    return int(await database.fetchval("SELECT coalesce(sum(flows), 0) FROM monitor.flow_minutes"))
