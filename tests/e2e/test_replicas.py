"""Two replicas of every service under load, one of each replaced in the middle, do each thing once.

Users come in two waves: the second one finds the newcomers at work. No call fails and nobody is killed,
so that more can be asked than after a storm.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from onenet_common.projection import rebuild
from onenet_local.cloud.handle import LocalCloud
from onenet_local.parts import Choice
from onenet_local.services import SERVICES
from onenet_local.stack import Stack
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings
from tests.chaos import looking
from tests.chaos.calm import Change, Evidence, examine
from tests.chaos.explaining import explain
from tests.chaos.judge import Snapshot, judge, unsettled
from tests.chaos.ledger import Ledger
from tests.chaos.report import MOST_SHOWN
from tests.chaos.run import Outcome, Plan, Storm
from tests.chaos.witnesses import OutboxWitness, changes, outbox_witness
from tests.e2e.estate import until

WAVE = Plan(seed=1, connections=150, seconds=15, settle=120)
"""Users begin during the first two thirds of these seconds; nobody waits for anything after them."""

LATENCY = 0.1
"""Seconds for each call at the cloud, so that two who work on one link are under way at once."""

QUIET = {
    "provisioner": {"ONENET_PROVISIONER_WATCH_INTERVAL": "5", "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "600"}
}


HANDLED = r'^onenet_messages_handled_total\{.*outcome="handled".*\} [1-9]'


def _why_not() -> str:
    settings = local_settings()
    if settings.local_broker != "apache":
        return "it runs on Apache Kafka alone: make test-kafka"
    if settings.local_kafka is not None or settings.local_database is not None:
        return "it judges all that a broker and a database hold, so they must be its own"
    return ""


@pytest.mark.skipif(bool(_why_not()), reason=_why_not())
async def test_replicas_share_the_work_and_do_nothing_twice() -> None:
    with temporary_folder() as folder:
        await _test(folder)


async def _test(folder: Path) -> None:
    outcome = Outcome(WAVE, Ledger())
    choice = Choice(replicas={one.name: 2 for one in SERVICES}, environment=QUIET)
    stack = Stack(folder, local_settings(), choice=choice, report=outcome.told.append)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(stack)
        witness = await opened.enter_async_context(outbox_witness(stack.addresses.database))
        cloud = LocalCloud(stack.addresses.cloud)
        storm = Storm(WAVE, stack, outcome)
        await storm.prepare(opened)
        cloud.limit(latency=LATENCY)
        await storm.act(_replace_one_of_each(stack, outcome.ledger))
        await storm.prepare(opened)
        await storm.act()
        await storm.settle()
        cloud.limit(latency=0)
        seen = await storm.snapshot()
        evidence = await _evidence(storm, seen, cloud, witness)
        found = [f"{one.rule}: {one.what}" for one in (*examine(evidence), *judge(seen))]
        hints = await explain(stack.addresses.database, unsettled(seen))
        assert not found, "\n".join([*found[:MOST_SHOWN], *hints])
        assert not [told for told in outcome.told if "starts again" in told], "a process ended by itself"
        assert _fewest_workers(evidence.changes) >= 2, "a wave was one provisioner's work alone"
        assert await _idle(stack) == [], "these had no part in it"


async def _replace_one_of_each(stack: Stack, ledger: Ledger) -> None:
    """One of each goes, the work goes on without it for a while, and another one takes its place."""
    names = [service.name for service in SERVICES]
    await until(lambda: _accepted(ledger, WAVE.connections // 2), "half to be asked for")
    more = len(ledger.entries) + WAVE.connections // 10
    await asyncio.gather(*(stack.supervisor.stop_part(name) for name in names))
    ended = [await stack.processes[name].ended() for name in names]
    assert ended == [0] * len(names), "one did not end in order"
    await until(lambda: _accepted(ledger, more), "the others to go on")
    await asyncio.gather(*(stack.supervisor.start_part(name) for name in names))


async def _accepted(ledger: Ledger, count: int) -> bool | None:
    return True if len(ledger.entries) >= count else None


async def _evidence(storm: Storm, seen: Snapshot, cloud: LocalCloud, witness: OutboxWitness) -> Evidence:
    made = await asyncio.to_thread(lambda: [one for each in storm.estates for one in changes(cloud, each)])
    known = rebuild(storm.subscriber.messages)
    return Evidence(
        written=await witness.written(),
        published=seen.published,
        changes=made,
        shown={one.id: looking.view(one) for each in storm.estates for one in await each.connections()},
        folded={connection: looking.view(one) for connection, one in known.items()},
    )


def _fewest_workers(made: Sequence[Change]) -> int:
    """How many provisioners have changed something in an account, where the fewest have."""
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for change in made:
        keys[change.account].add(change.key)
    return min(map(len, keys.values()), default=0)


async def _idle(stack: Stack) -> list[str]:
    """Processes that have handled no event; nobody sends flow logs here."""
    idle = []
    async with httpx.AsyncClient() as http:
        for name, address in stack.addresses.operations.items():
            if name.startswith("flows"):
                continue
            if re.search(HANDLED, (await http.get(f"{address}/metrics")).text, re.MULTILINE) is None:
                idle.append(name)
    return idle
