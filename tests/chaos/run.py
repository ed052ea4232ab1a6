"""One run: a stack with two replicas of each service, users, blows, and what there is afterwards."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from onenet_client.client import Client
from onenet_client.login import with_hint
from onenet_client.retry import Retry
from onenet_common.projection import rebuild
from onenet_local.cloud.handle import LocalCloud
from onenet_local.parts import Choice
from onenet_local.probes import HOST
from onenet_local.services import SERVICES
from onenet_local.settings import LocalSettings
from onenet_local.stack import Stack
from tests.chaos import looking
from tests.chaos.blows import LONGEST_STOP, blows
from tests.chaos.clients import Intent, User, act, intents
from tests.chaos.explaining import explain
from tests.chaos.judge import Finding, Snapshot, judge, redelivered, unsettled
from tests.chaos.ledger import Ledger
from tests.chaos.striker import Striker, Struck
from tests.chaos.subscriber import Subscriber, dead_letters
from tests.e2e.estate import LEFT_REGION, Estate, estate

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "throttle", "probability": 0.15},
    {"kind": "lose_answer", "probability": 0.10},
    {"kind": "server_error", "probability": 0.05},
    {"kind": "delay", "probability": 0.10, "seconds": 0.7},
)
PAIRS_OF_ESTATE = 100
USERS = ("alice", "bob", "carol")
REPLICAS = 2
AT_ONCE = 50
"""Pairs that one user has in hand."""

SETTLE_SECONDS = 60.0
"""Within so many seconds after the last blow all must be as it was asked for last."""

QUIET_WITHIN = 180.0
"""Seconds within which nothing must have been told for as long as a look at everything takes."""

TOLD = {
    "api": {"ONENET_API_REPUBLISH_AFTER": "5"},
    "provisioner": {"ONENET_PROVISIONER_WATCH_INTERVAL": "15", "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "30"},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to be.

    Args:
        seconds: how long blows fall.
        every: seconds between two blows, on average.
        longest_stop: seconds for which a process is stopped, at most.
    """

    seed: int
    connections: int
    seconds: float
    every: float = 3.0
    longest_stop: float = LONGEST_STOP
    settle: float = SETTLE_SECONDS


@dataclass
class Outcome:
    """What a run was.

    Args:
        settled_after: seconds from the last blow's recovery until all was as asked for; None for never.
        calls: at the cloud, by outcome of the fault that they met.
    """

    plan: Plan
    ledger: Ledger
    struck: list[Struck] = field(default_factory=list)
    settled_after: float | None = None
    unanswered: int = 0
    findings: list[Finding] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    events: int = 0
    redelivered: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


async def run(plan: Plan, folder: Path, settings: LocalSettings) -> Outcome:
    """Start everything in that folder, let it storm, and judge."""
    outcome = Outcome(plan, Ledger())
    choice = Choice(replicas={one.name: REPLICAS for one in SERVICES}, environment=TOLD)
    stack = Stack(folder, settings, choice=choice, report=outcome.told.append)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(stack)
        storm = Storm(plan, stack, outcome)
        await storm.prepare(opened)
        await storm.rage()
        await storm.settle()
        seen = await storm.snapshot()
        outcome.findings = judge(seen)
        outcome.hints = await explain(stack.addresses.database, unsettled(seen))
    return outcome


class Storm:
    """A running stack, its estates and its users."""

    def __init__(self, plan: Plan, stack: Stack, outcome: Outcome) -> None:
        self._plan = plan
        self._stack = stack
        self._outcome = outcome
        self._began = time.monotonic()
        self._dice = random.Random(plan.seed)
        self._cloud = LocalCloud(stack.addresses.cloud)
        self._posting = asyncio.Event()
        self.estates: list[Estate] = []
        self._work: list[tuple[User, list[Intent]]] = []
        self.subscriber = Subscriber(stack.addresses.kafka)

    def _clock(self) -> float:
        return time.monotonic() - self._began

    async def prepare(self, opened: AsyncExitStack) -> None:
        """Networks, users, what each of them will do, and the subscriber; once more for another wave."""
        if not self.estates:
            self.subscriber.start()
        self._work = []
        size = math.ceil(self._plan.connections / PAIRS_OF_ESTATE)
        left = self._plan.connections
        for number in range(size):
            count = math.ceil(left / (size - number))
            name = USERS[number % len(USERS)]
            networks = math.ceil(math.sqrt(count))
            made = await opened.enter_async_context(
                estate(self._stack, networks=networks, user=name, kept=True)
            )
            self.estates.append(made)
            user = await opened.enter_async_context(self._user(name, first=number))
            wanted = intents(list(islice(made.pairs, count)), self._dice, seconds=self._plan.seconds * 0.7)
            self._work.append((user, wanted))
            left -= count

    @asynccontextmanager
    async def _user(self, name: str, *, first: int) -> AsyncIterator[User]:
        """A user with a client for each replica of the API, who asks once and soon takes silence for an
        answer: there is another replica to ask. ``first`` is the number of the one to begin with."""
        async with Client(self._stack.addresses.api) as stranger:
            grant = await with_hint(await stranger.sign_in(), name)
        async with AsyncExitStack() as opened:
            urls = deque(apis(self._stack))
            urls.rotate(-first)
            replicas = [
                await opened.enter_async_context(
                    Client(url, grant.access_token, timeout=4.0, retry=Retry(attempts=1))
                )
                for url in urls
            ]
            yield User(replicas, self._outcome.ledger, self._plan.seconds, self._clock, self._posting)

    async def rage(self) -> None:
        """Users act, calls fail and processes die until the time is over."""
        self._cloud.arm(*FAULTS, seed=self._plan.seed)
        striker = Striker(self._stack, self._cloud, self._posting, self._clock)
        victims = sorted(name for name in self._stack.processes if name not in ("cloud", "issuer"))
        dice = random.Random(self._plan.seed + 1)
        falling = blows(victims, dice, every=self._plan.every, longest=self._plan.longest_stop)
        await self.act(striker.strike(falling, until=self._plan.seconds), self._readdress())
        self._outcome.struck = striker.struck
        self._outcome.faults = self._cloud.faults()

    async def act(self, *meanwhile: Coroutine[Any, Any, None]) -> None:
        """Users do all that they want, whatever happens meanwhile."""
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for other in meanwhile:
                group.create_task(other)
            for user, wanted in self._work:
                group.create_task(act(user, wanted, at_once=AT_ONCE))
        self._outcome.unanswered = sum(user.unanswered for user, _ in self._work)

    async def _readdress(self) -> None:
        """In the middle, one network of each estate gets a further block; changes from then on take it up."""
        await asyncio.sleep(self._plan.seconds / 3)
        for number, one in enumerate(self.estates):
            ec2 = one.left.client("ec2", LEFT_REGION)
            block, vpc = f"100.{64 + number}.0.0/24", one.lefts[0].native_id
            for _ in range(20):
                with suppress(Exception):  # the faults hit the owner as well
                    await asyncio.to_thread(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock=block)
                    break

    async def settle(self) -> None:
        """Wait until all is as it was asked for last, or the time for that is over."""
        self._cloud.disarm()
        began = time.monotonic()
        wanted = self._outcome.ledger.wanted()
        while time.monotonic() < began + self._plan.settle:
            shown = await looking.connections(self.estates)
            if not unsettled(Snapshot(wanted=wanted, shown=shown)):
                self._outcome.settled_after = time.monotonic() - began
                return
            await asyncio.sleep(0.5)

    async def snapshot(self) -> Snapshot:
        """Everything that there is to see, as of one moment: nothing was told while it was looked at.

        A verdict on health may still change minutes after the last blow.
        """
        async with asyncio.timeout(QUIET_WITHIN):
            while True:
                await self._until_relayed()
                before = len(self.subscriber.received)
                shown = await looking.connections(self.estates)
                timelines: dict[UUID, frozenset[UUID]] = {}
                for one in self.estates:
                    mine = [connection.id for connection in await one.connections()]
                    timelines |= await looking.timelines(one.onenet, mine)
                await self.subscriber.caught_up()
                if len(self.subscriber.received) == before:
                    break
        await self.subscriber.stop()
        found: Sequence[Any] = await asyncio.to_thread(self._cloud_now)
        seen = Snapshot(
            wanted=self._outcome.ledger.wanted(),
            shown=shown,
            published=self.subscriber.received,
            rebuilt={one.id: one.state for one in rebuild(self.subscriber.messages).values()},
            timelines=timelines,
            peerings=found[0],
            routes=found[1],
            dead=await dead_letters(self._stack.addresses.kafka),
        )
        self._outcome.states = Counter(one.state for one in shown.values())
        self._outcome.events = len({event.id for event in seen.published})
        self._outcome.redelivered = redelivered(seen.published)
        return seen

    async def _until_relayed(self) -> None:
        """What is behind the last state, such as the health of what was built, has a moment to arrive."""
        before = -1
        while len(self.subscriber.received) != before:
            before = len(self.subscriber.received)
            await asyncio.sleep(3.0)

    def _cloud_now(self) -> tuple[list[Any], list[Any]]:
        peerings = [one for each in self.estates for one in looking.peerings(each)]
        routes = [one for each in self.estates for one in looking.routes(each)]
        return peerings, routes


def apis(stack: Stack) -> list[str]:
    """Where each replica of the API listens."""
    return [
        f"http://{HOST}:{process.program.environment['ONENET_API_PORT']}"
        for name, process in stack.processes.items()
        if name.partition("-")[0] == "api"
    ]
