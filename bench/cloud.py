"""Against the cloud: peerings through OneNet and by a plain script, on the same local cloud.

Each side of a contest has accounts and VPCs of its own, so that nobody meets what another has left.
Both work on as many peerings at once. OneNet has signed in to the accounts when it discovered them;
what the script takes for making its clients is measured apart. While OneNet works, so does all of
it, four services, database and bus; while the script works, they are idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from bench.client import HttpConnection, connected
from bench.following import established_after, until_settled
from bench.landscape import calls, landscape, register
from bench.load import Order, send_all
from bench.machine import until_idle
from bench.owner import Owner, Pair, asking, signed_in
from bench.progress import tell
from bench.report import Figure, at_least, at_most
from bench.script import script
from bench.stacks import Running, running
from onenet_local.cloud.handle import LocalCloud

NAME = "cloud"
CONCURRENCY = 16
"""Peerings in hand at once. AWS lets 25 requests of one account wait to be accepted."""

PROVISIONER = {
    "ONENET_PROVISIONER_CONCURRENCY": str(CONCURRENCY),
    # Looks at what was built in one contest would count against the next.
    "ONENET_PROVISIONER_WATCH_INTERVAL": "3600",
}
LATENCY = 0.1
"""Seconds added to every call: AWS is not as near as the local cloud, whose calls take a millisecond of
processor time that it shares with those who are measured."""
REQUESTS = 8
"""Requests to OneNet under way at once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What so many peerings took.

    Args:
        starting: seconds until the work could begin.
        seconds: of the work itself.
        calls: of the cloud.
    """

    peerings: int
    starting: float
    seconds: float
    calls: int


@dataclass(frozen=True, slots=True)
class Contest:
    """One sample of each, right after one another."""

    onenet: Sample
    script: Sample

    @property
    def times_the_work(self) -> float:
        return self.onenet.seconds / self.script.seconds

    @property
    def times_the_whole(self) -> float:
        return self.onenet.seconds / (self.script.starting + self.script.seconds)


async def measure(*, quick: bool) -> list[Figure]:
    """Many at once and one alone, several times over; the first contest only warms up."""
    size, rounds, singles, distant = (20, 1, 3, 1) if quick else (100, 3, 9, 2)
    async with running(PROVISIONER) as stack, signed_in(stack.stack.addresses.api) as owner:
        arena = Arena(stack, owner, count())
        await arena.contest(CONCURRENCY, script_first=True)
        many = [await arena.contest(size, script_first=bool(one % 2)) for one in range(rounds)]
        alone = [await arena.contest(1, script_first=bool(one % 2)) for one in range(singles)]
        tell(f"now with {LATENCY:g} s added to every call")
        far = [
            await arena.contest(size, script_first=bool(one % 2), latency=LATENCY) for one in range(distant)
        ]
    return [
        Figure(NAME, f"{size} peerings, of the script's rate", _rate(many), "%", at_least(80)),
        Figure(NAME, f"the same at {LATENCY:g} s a call", _rate(far), "%", at_least(80)),
        *_rates("OneNet", [contest.onenet for contest in many]),
        *_rates("the script", [contest.script for contest in many]),
        *_ratios(alone),
        *_times("OneNet", [contest.onenet for contest in alone]),
        *_times("the script", [contest.script for contest in alone]),
    ]


@dataclass(frozen=True, slots=True)
class Arena:
    """Where both contend; ``numbers`` tell landscapes apart."""

    stack: Running
    owner: Owner
    numbers: count[int]

    @property
    def cloud(self) -> str:
        return self.stack.stack.addresses.cloud

    async def contest(self, peerings: int, *, script_first: bool, latency: float = 0.0) -> Contest:
        """Let both make as many, one after the other.

        Args:
            latency: seconds that every call takes longer while they work.
        """
        if script_first:
            by_script = await self._by_script(peerings, latency)
            contest = Contest(await self._by_onenet(peerings, latency), by_script)
        else:
            by_onenet = await self._by_onenet(peerings, latency)
            contest = Contest(by_onenet, await self._by_script(peerings, latency))
        tell(
            f"{peerings} peerings: OneNet {contest.onenet.seconds:.2f} s in {contest.onenet.calls} calls, "
            f"the script {contest.script.seconds:.2f} s in {contest.script.calls}"
        )
        return contest

    async def _by_onenet(self, peerings: int, latency: float) -> Sample:
        land = await landscape(self.cloud, next(self.numbers), peerings)
        pairs = await register(self.owner, self.cloud, land)
        async with connected(self.stack.stack.addresses.api) as http:
            await self._idle()
            before, began = await calls(self.cloud, land), time.perf_counter()
            async with self._distance(latency):
                await self._ask(http, pairs)
            seconds = time.perf_counter() - began
        return Sample(peerings, 0.0, seconds, await calls(self.cloud, land) - before)

    async def _ask(self, http: HttpConnection, pairs: Sequence[Pair]) -> None:
        """One is followed, many are looked at from time to time until none is on its way."""
        if len(pairs) == 1:
            await established_after(http, self.owner.token, pairs[0])
            return
        bodies = [asking(pair) for pair in pairs]
        api = self.stack.stack.addresses.api
        await send_all(
            Order(
                url=api,
                token=self.owner.token,
                path="/v1/connections",
                bodies=bodies,
                connections=REQUESTS,
            )
        )
        await until_settled(http, self.owner.token)

    async def _by_script(self, peerings: int, latency: float) -> Sample:
        land = await landscape(self.cloud, next(self.numbers), peerings)
        await self._idle()
        began = time.perf_counter()
        async with script(self.cloud, land.left, land.right) as plain:
            before, started = await calls(self.cloud, land), time.perf_counter()
            async with self._distance(latency):
                await plain.peer_all(land.peerings, concurrency=CONCURRENCY)
            ended = time.perf_counter()
        made = await calls(self.cloud, land) - before
        return Sample(peerings, started - began, ended - started, made)

    @asynccontextmanager
    async def _distance(self, latency: float) -> AsyncIterator[None]:
        if not latency:
            yield
            return
        cloud = LocalCloud(self.cloud)
        await asyncio.to_thread(cloud.limit, latency=latency)
        yield
        await asyncio.to_thread(cloud.restore_limits)

    async def _idle(self) -> None:
        await until_idle(self.stack.pids.values())


def _rate(contests: Sequence[Contest]) -> float:
    """OneNet's rate in percent of the script's, in the median."""
    return median(100 / contest.times_the_work for contest in contests)


def _rates(who: str, samples: Sequence[Sample]) -> list[Figure]:
    rate = median(sample.peerings / sample.seconds for sample in samples)
    return [Figure(NAME, f"peerings by {who}", rate, "/s"), _calls(f"many by {who}", samples)]


def _ratios(alone: Sequence[Contest]) -> list[Figure]:
    whole = median(contest.times_the_whole for contest in alone)
    work = median(contest.times_the_work for contest in alone)
    return [
        Figure(NAME, "one peering, of the script's time", whole, "times", at_most(1.5)),
        Figure(NAME, "one peering, of the script's time with its clients made", work, "times"),
    ]


def _times(who: str, samples: Sequence[Sample]) -> list[Figure]:
    milliseconds = median(sample.seconds for sample in samples) * 1_000
    return [Figure(NAME, f"one peering by {who}", milliseconds, "ms"), _calls(f"one by {who}", samples)]


def _calls(what: str, samples: Sequence[Sample]) -> Figure:
    each = median(sample.calls / sample.peerings for sample in samples)
    return Figure(NAME, f"calls for each of {what}", each, "")
