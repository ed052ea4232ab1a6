"""Replicas: how much faster two and four evaluators and provisioners are than one, on one machine.

Every call at the local cloud takes 200 ms, as a far one's may, and each provisioner has few links in
hand: so that waiting is what a connection's time is made of, and four of them together ask the cloud
for a fraction of what it can answer. What is measured is how the work is shared out, not processors.
"""

from __future__ import annotations

import time
from itertools import count

from bench.client import connected
from bench.following import until_settled
from bench.landscape import calls, landscape, register
from bench.load import Order, send_all
from bench.machine import until_idle
from bench.owner import Pair, asking, signed_in
from bench.progress import tell
from bench.report import Figure, Target, at_least
from bench.stacks import Running, running
from onenet_local.cloud.handle import LocalCloud

NAME = "replicas"
LATENCY = 0.2
CONCURRENCY = 2
"""Links that one provisioner has in hand."""

PROVISIONER = {
    "ONENET_PROVISIONER_CONCURRENCY": str(CONCURRENCY),
    "ONENET_PROVISIONER_WATCH_INTERVAL": "3600",
    # Looks at what was just built would take calls from what is being built.
    "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "3600",
    "ONENET_PROVISIONER_DISCOVERY_AFTER_CHANGE": "600",
}
REQUESTS = 8
TARGETS: dict[int, Target] = {2: at_least(1.6), 4: at_least(2.5)}


async def measure(*, quick: bool) -> list[Figure]:
    """Connections a second with one, two and four of each, and what that is of one's."""
    size = 16 if quick else 40
    rates = {replicas: await _rate(replicas, size) for replicas in (1, 2, 4)}
    return [
        *(
            Figure(NAME, f"{many} of each, of one's rate", rates[many] / rates[1], "times", target)
            for many, target in TARGETS.items()
        ),
        *(Figure(NAME, f"connections with {many} of each", rate, "/s") for many, rate in rates.items()),
    ]


async def _rate(replicas: int, size: int) -> float:
    """Established connections a second, once every replica has entered the accounts."""
    shares = {"evaluator": replicas, "provisioner": replicas}
    warm = 2 * CONCURRENCY * replicas
    async with running(PROVISIONER, replicas=shares) as stack, signed_in(stack.stack.addresses.api) as owner:
        cloud = stack.stack.addresses.cloud
        land = await landscape(cloud, next(_numbers), warm + size)
        pairs = await register(owner, cloud, land)
        LocalCloud(cloud).limit(latency=LATENCY)
        await _establish(stack, owner.token, pairs[:warm])
        before = await calls(cloud, land)
        seconds = await _establish(stack, owner.token, pairs[warm:])
        asked = await calls(cloud, land) - before
    tell(f"{replicas} of each: {size / seconds:.2f}/s, {asked / seconds:.0f} calls a second at the cloud")
    return size / seconds


async def _establish(stack: Running, token: str, pairs: list[Pair]) -> float:
    """Seconds from the first request until all are established."""
    await until_idle(stack.pids.values())
    api = stack.stack.addresses.api
    bodies = [asking(pair) for pair in pairs]
    async with connected(api) as http:
        began = time.perf_counter()
        await send_all(
            Order(url=api, token=token, path="/v1/connections", bodies=bodies, connections=REQUESTS)
        )
        await until_settled(http, token)
        return time.perf_counter() - began


_numbers = count(1)
