"""Throughput: 10,000 connections back to back, and what each service used for them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping

from bench import machine
from bench.client import HttpConnection, connected, request
from bench.following import until_settled
from bench.load import Order, fire
from bench.owner import Owner, asking, signed_in
from bench.progress import tell
from bench.report import Figure, at_least, at_most
from bench.stacks import MEMORY, Running, running
from bench.topic import Published, established_on
from onenet_local.services import SERVICES

NAME = "throughput"
CONNECTIONS = 32
"""Requests under way at once."""

PAGE = 200


async def measure(*, quick: bool) -> list[Figure]:
    """From the first request until the API shows all as ESTABLISHED; then count, twice over."""
    count = 1_000 if quick else 10_000
    async with running(MEMORY) as stack, signed_in(stack.stack.addresses.api) as owner:
        bodies = [asking(pair) for pair in await owner.made_up_pairs(count)]
        await machine.until_idle(stack.pids.values())
        tell(f"{count:,} connections back to back")
        before = machine.processor_times(stack.pids)
        async with connected(stack.stack.addresses.api) as http:
            accepted_in, established_in = await _establish(stack, http, owner, bodies)
            after = machine.processor_times(stack.pids)
            shown = await _count_established(http, owner)
        published = await established_on(stack.stack.addresses.kafka)
        resident = {name: machine.resident(pid) for name, pid in stack.pids.items() if pid is not None}
    used = {name: (after[name] - before[name]) / count * 1_000 for name in after}
    return [
        Figure(NAME, "established", count / established_in, "/s", at_least(150)),
        Figure(NAME, "accepted meanwhile", count / accepted_in, "/s"),
        *_nothing_lost(count, shown, published),
        *_memory(resident),
        Figure("start", "whole stack ready, from an empty folder", stack.ready_after, "s", at_most(10)),
        *_processor(used),
    ]


async def _establish(
    stack: Running, http: HttpConnection, owner: Owner, bodies: list[str]
) -> tuple[float, float]:
    """Seconds until all were accepted, and until all were established."""
    api = stack.stack.addresses.api
    order = Order(url=api, token=owner.token, path="/v1/connections", bodies=bodies, connections=CONNECTIONS)
    outcome = await fire(order, stack.stack.folder)
    if outcome.statuses != {202: len(bodies)}:
        raise RuntimeError(f"the API answered {outcome.statuses} instead of 202 alone")
    tell(f"all accepted after {outcome.ended - outcome.began:.1f} s")
    await until_settled(http, owner.token)
    seconds = time.time() - outcome.began
    tell(f"all settled after {seconds:.1f} s")
    return outcome.ended - outcome.began, seconds


async def _count_established(http: HttpConnection, owner: Owner) -> int:
    return sum([len(items) async for items in _pages(http, owner)])


async def _pages(http: HttpConnection, owner: Owner) -> AsyncIterator[list[object]]:
    first = f"/v1/connections?state=ESTABLISHED&limit={PAGE}"
    path = first
    while path:
        page = json.loads((await http.send(request("GET", path, owner.token))).body)
        yield page["items"]
        path = f"{first}&cursor={page['next']}" if page["next"] else ""


def _nothing_lost(count: int, shown: int, published: Published) -> list[Figure]:
    return [
        Figure(NAME, "lost, as the API counts", count - shown, "", at_most(0)),
        Figure(NAME, "without an established event", count - published.connections, "", at_most(0)),
        Figure(NAME, "established twice", published.events - published.connections, "", at_most(0)),
        Figure(NAME, "events redelivered", published.records - published.events, ""),
    ]


def _memory(resident: Mapping[str, float]) -> list[Figure]:
    limits = {service.name: at_most(150) for service in SERVICES} | {"flows": at_most(400)}
    return [
        Figure("memory", f"{name}, resident", megabytes, "MB", limits.get(name))
        for name, megabytes in resident.items()
    ]


def _processor(used: Mapping[str, float]) -> list[Figure]:
    return [
        Figure("processor", f"{name}, for one connection", milliseconds, "ms")
        for name, milliseconds in (*used.items(), ("all together", sum(used.values())))
    ]
