"""Flow logs: from Kafka to committed sums, against polars' bare parse of the same lines, and DuckDB.

The input is AWS's text, 1,000 networks and 500 connections. Each does its work on one thread in a process
of its own, and what is compared is the processor time of that process: so it is the same on a busy
machine. PostgreSQL's and the broker's share, on other cores, is beside it; DuckDB reads a file and keeps
nothing. nfdump, where it is installed, is asked an easier question of its own binary file: see
``flow_nfdump.py``. pmacct keeps no files to be asked later, and so is no rival.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import polars as pl

from bench import flow_nfdump
from bench.flow_logs import HEADER, Estate, estate, lines
from bench.load import ROOT
from bench.machine import processor_times, resident
from bench.progress import tell
from bench.report import Figure, at_least, at_most
from bench.stacks import Running, running
from onenet_common.events import FLOWS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.processes import Command, run

NAME = "flows"
NETWORKS, CONNECTIONS = 1_000, 500
MESSAGE = 6_000
"""Records of a message, some 800 kB."""
ONE_THREAD = {"POLARS_MAX_THREADS": "1"}
PATIENCE = 300.0


async def measure(*, quick: bool) -> list[Figure]:
    """Several rounds of each, in turn; what was counted is compared with what was sent."""
    records, rounds = (180_000, 1) if quick else (600_000, 3)
    land = estate(NETWORKS, CONNECTIONS)
    async with running({}, only=("postgres", "broker", "flows"), flows=ONE_THREAD) as stack:
        database = await asyncpg.connect(stack.stack.addresses.database)
        await know(database, land)
        counter = _Counter(stack, database)
        # Starting takes no part: importing, joining the group, learning the inventory.
        await counter.round(lines(land, records // 4, 0))
        measured = []
        for seed in range(1, rounds + 1):
            content = lines(land, records, seed)
            parse, duckdb = [await _rival(name, stack.stack.folder, content) for name in ("parse", "duckdb")]
            measured.append((parse, duckdb, *(await counter.round(content))))
        await counter.stop()
        memory = resident(stack.pids["flows"] or 0)
        nfdump = await _nfdump(stack.stack.folder)
        wrong = counter.sent - await database.fetchval("SELECT sum(flows) FROM monitor.flow_minutes")
        await database.close()
    parse, duckdb, own, others, wall = (median(one) for one in zip(*measured, strict=True))
    return [
        Figure(
            NAME, "records counted, a processor second of the process", records / own, "/s", at_least(300_000)
        ),
        Figure(NAME, "of polars' bare parse", parse / own * 100, "%", at_least(25)),
        Figure(NAME, "of DuckDB's answer from a file", duckdb / own * 100, "%"),
        *(Figure(NAME, "of nfdump's answer from its own file", one / own * 100, "%") for one in nfdump),
        Figure(NAME, "records counted, from the first message on", records / wall, "/s"),
        Figure(NAME, "polars' bare parse, records", records / parse, "/s"),
        Figure(NAME, "DuckDB, records", records / duckdb, "/s"),
        Figure(NAME, "PostgreSQL and broker, of the process's time", others / own * 100, "%"),
        Figure(NAME, "records lost or counted twice", float(wrong), "", at_most(0)),
        Figure(NAME, "memory of the process", memory, "MB", at_most(400)),
    ]


class _Counter:
    """Has the stack's process count, and knows what it was sent."""

    def __init__(self, stack: Running, database: asyncpg.Connection[asyncpg.Record]) -> None:
        self._stack = stack
        self._database = database
        self.sent = 0
        self._messages = 0
        self._producer = Producer(Settings(kafka=stack.stack.addresses.kafka, kafka_idempotence=False))

    async def round(self, content: pl.Series) -> tuple[float, float, float]:
        """Seconds of its processor time, of PostgreSQL's and the broker's, and of the clock."""
        messages = [
            Outgoing(FLOWS, str(first).encode(), _text(content[first : first + MESSAGE]), [])
            for first in range(0, len(content), MESSAGE)
        ]
        before, began = processor_times(self._stack.pids), time.perf_counter()
        await self._producer.send(messages)
        self._messages += len(messages)
        self.sent += len(content)
        await self._until(self._messages)
        after, ended = processor_times(self._stack.pids), time.perf_counter()
        used = {name: after[name] - before[name] for name in after}
        tell(f"{len(content):,} records in {ended - began:.1f} s, {used['flows']:.1f} s of a processor")
        return used["flows"], used["postgres"] + used["broker"], ended - began

    async def stop(self) -> None:
        await self._producer.stop()

    async def _until(self, messages: int) -> None:
        await self._asked("SELECT coalesce(sum(next_offset), 0) FROM monitor.flow_offsets", messages)

    async def _asked(self, query: str, enough: int) -> None:
        """Ask until it is enough."""
        async with asyncio.timeout(PATIENCE):
            while await self._database.fetchval(query) < enough:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)


def _text(lines: pl.Series) -> bytes:
    """A message."""
    return "\n".join([HEADER, *lines, ""]).encode()


async def know(database: asyncpg.Connection[asyncpg.Record], land: Estate) -> None:
    """The inventory as the events of discovery and of connections would have made it."""
    since = datetime.now(UTC) - timedelta(days=1)
    networks = [(one.id, since, one.id, "111111111111", one.native_id, [one.block]) for one in land.networks]
    await database.executemany(
        "INSERT INTO monitor.networks (resource_id, valid_from, provider, account, native_id, subnets) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        networks,
    )
    ids = [one.id for one in land.networks]
    links = [(one, since, ids[left], ids[right]) for one, (left, right) in land.connections.items()]
    await database.executemany(
        "INSERT INTO monitor.links (connection_id, valid_from, resource_left, resource_right, ctype) "
        "VALUES ($1, $2, $3, $4, 'AWS_PEERING')",
        links,
    )
    await database.execute("INSERT INTO monitor.inventory_version (one, version) VALUES (true, 1)")


async def _nfdump(folder: Path) -> list[float]:
    """As ``_rival``, for the lines of the last one; nothing where nfdump is not installed."""
    if not flow_nfdump.there():
        tell("nfdump is not compared: it is not installed; on Debian: apt-get install nfdump")
        return []
    return [await _asked("nfdump", folder)]


async def _rival(name: str, folder: Path, content: pl.Series) -> float:
    """Seconds of processor time that the other one takes for these lines."""
    (folder / "flows.log").write_text("\n".join([HEADER, *content, ""]))
    return await _asked(name, folder)


async def _asked(name: str, folder: Path) -> float:
    file, answer = folder / "flows.log", folder / "answer"
    command = Command(
        name=name,
        command=(sys.executable, "-m", "bench.flow_rivals", name, str(file), str(answer)),
        environment={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **ONE_THREAD},
        log=folder / "logs" / f"{name}.log",
    )
    await run(command, timeout=PATIENCE)
    return float(answer.read_text())
