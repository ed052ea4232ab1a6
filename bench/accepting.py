"""Accepting: POST /v1/connections against a route that does nothing, in the same process.

Both need an access token and go through the same server, limits and telemetry. The one stores the
connection, its event and its audit entry on disk before it answers, the other nothing. Nobody works
on what was accepted: the other services are stopped, for they would be measured too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median
from typing import NamedTuple

from bench import baseline
from bench.load import ROOT, Order, Outcome, fire
from bench.machine import until_idle
from bench.owner import Owner, Pair, asking, signed_in
from bench.progress import tell
from bench.report import Figure, at_least
from bench.stacks import MEMORY, Running, running
from onenet_local.probes import free_port
from onenet_local.processes import Process, Program
from onenet_local.services import SERVICES, environment, process

NAME = "accepting"
CONNECTIONS = 24
"""Requests under way at once."""


class Round(NamedTuple):
    """Answers a second of both routes, one right after the other."""

    accepted: float
    empty: float


async def measure(*, quick: bool) -> list[Figure]:
    """The median of several rounds, which alternate so that both meet the same machine."""
    rounds, each = (3, 400) if quick else (7, 1_500)
    only = ("postgres", "broker", "issuer", "provisioner")
    async with running(MEMORY, only=only) as stack, _api(stack) as (api, url), signed_in(url) as owner:
        pairs = iter(await owner.made_up_pairs((rounds + 1) * each))
        await stack.stack.supervisor.stop_part("provisioner")
        measured = [await _round(stack, api, url, owner, pairs, each) for _ in range(rounds + 1)]
    warm = measured[1:]
    accepted, empty = median(one.accepted for one in warm), median(one.empty for one in warm)
    share = median(one.accepted / one.empty for one in warm) * 100
    return [
        Figure(NAME, "accepted, of what an empty endpoint answers", share, "%", at_least(25)),
        Figure(NAME, "POST /v1/connections accepted", accepted, "/s"),
        Figure(NAME, "empty authenticated endpoint", empty, "/s"),
    ]


async def _round(
    stack: Running, api: Process, url: str, owner: Owner, pairs: Iterator[Pair], each: int
) -> Round:
    bodies = [asking(next(pairs)) for _ in range(each)]
    accepted = await _fire(stack, api, url, owner, "/v1/connections", bodies, status=202)
    empty = await _fire(stack, api, url, owner, baseline.PATH, [""] * each, status=200)
    tell(f"accepted {accepted.rate:.0f}/s, empty {empty.rate:.0f}/s: {accepted.rate / empty.rate:.0%}")
    return Round(accepted.rate, empty.rate)


async def _fire(
    stack: Running, api: Process, url: str, owner: Owner, path: str, bodies: list[str], *, status: int
) -> Outcome:
    """One load, once all that the one before has left to do is done."""
    await until_idle([api.pid, *stack.pids.values()])
    order = Order(url=url, token=owner.token, path=path, bodies=bodies, connections=CONNECTIONS)
    outcome = await fire(order, stack.stack.folder)
    if outcome.statuses != {status: len(bodies)}:
        raise RuntimeError(f"{path} answered {outcome.statuses} instead of {status} alone")
    return outcome


@asynccontextmanager
async def _api(stack: Running) -> AsyncIterator[tuple[Process, str]]:
    """The API with the empty route beside its own, told what the stack tells its API."""
    service = next(service for service in SERVICES if service.name == "api")
    where = stack.stack.addresses
    told = {**environment(service, where, os.environ), "PYTHONPATH": str(ROOT)}
    told["ONENET_API_PORT"] = where.api.rpartition(":")[2]
    usual = process(service, 1, stack.stack.folder, told, port=free_port()).program
    async with Process(
        Program(
            name="baseline",
            command=(sys.executable, "-m", "bench.baseline"),
            environment=usual.environment,
            log=usual.log,
            ready=usual.ready,
        )
    ) as api:
        yield api, where.api
