"""The machine that the figures are from, and what its processes use of it."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import psutil

from onenet_local.settings import LocalSettings

DECISIVE = (
    "onenet",
    "fastapi",
    "uvicorn",
    "uvloop",
    "pydantic",
    "asyncpg",
    "aiokafka",
    "aioboto3",
    "moto",
    "polars",
)
"""Packages whose versions explain the figures."""

MEGABYTE = 1_000_000
QUIET = 0.05
"""The share of one core below which a stack counts as idle."""


def described() -> dict[str, Any]:
    """Cores, memory and versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "broker": LocalSettings().local_kafka or LocalSettings().local_broker,
        "packages": {name: version(name) for name in DECISIVE},
    }


def resident(pid: int) -> float:
    """Megabytes in memory of a process; with children, what they share counted once."""
    family = list(_family(pid))
    if len(family) == 1:
        return float(family[0].memory_info().rss) / MEGABYTE
    return float(sum(process.memory_full_info().pss for process in family)) / MEGABYTE


def processor_time(pid: int) -> float:
    """Seconds of processor time used by a process and its children so far."""
    total = 0.0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system
            if process.pid == pid:
                total += used.children_user + used.children_system
    return total


def processor_times(pids: Mapping[str, int | None]) -> dict[str, float]:
    """``processor_time`` by name, of those that run."""
    return {name: processor_time(pid) for name, pid in pids.items() if pid is not None}


async def until_idle(pids: Iterable[int | None], *, window: float = 0.5, patience: float = 120.0) -> None:
    """Wait until the processes together use hardly any processor time.

    Raises:
        TimeoutError: when they do not come to rest.
    """
    running = [pid for pid in pids if pid is not None]
    async with asyncio.timeout(patience):
        before = sum(map(processor_time, running))
        while True:
            await asyncio.sleep(window)
            now = sum(map(processor_time, running))
            if now - before < QUIET * window * len(running):
                return
            before = now


def _family(pid: int) -> Iterator[psutil.Process]:
    root = psutil.Process(pid)
    yield root
    yield from root.children(recursive=True)
