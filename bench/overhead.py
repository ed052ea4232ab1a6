"""Overhead: from the POST to ESTABLISHED with a cloud that answers at once, on an idle stack.

Three services, their outboxes and the bus are passed through; the client follows with ``?wait=``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from statistics import median

from bench.client import connected
from bench.following import established_after
from bench.machine import until_idle
from bench.owner import signed_in
from bench.progress import tell
from bench.report import Figure, at_most
from bench.stacks import MEMORY, running

NAME = "overhead"
PAUSE = 0.05
"""Seconds between two, in which the stack goes idle again."""


async def measure(*, quick: bool) -> list[Figure]:
    """One connection after another; the first ones only warm up."""
    count, warming = (50, 5) if quick else (200, 20)
    async with running(MEMORY) as stack, signed_in(stack.stack.addresses.api) as owner:
        pairs = await owner.made_up_pairs(warming + count)
        await until_idle(stack.pids.values())
        tell(f"{count} connections, one after another")
        milliseconds = []
        async with connected(stack.stack.addresses.api) as http:
            for pair in pairs:
                await asyncio.sleep(PAUSE)
                milliseconds.append(await established_after(http, owner.token, pair) * 1_000)
    measured = milliseconds[warming:]
    return [
        Figure(NAME, "POST to ESTABLISHED, median", median(measured), "ms", at_most(60)),
        Figure(NAME, "POST to ESTABLISHED, 99th percentile", percentile(measured, 99), "ms", at_most(200)),
        Figure(NAME, "POST to ESTABLISHED, slowest", max(measured), "ms"),
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` per cent of all do not exceed."""
    return sorted(values)[math.ceil(len(values) * share / 100) - 1]
