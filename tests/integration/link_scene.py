"""Links in PostgreSQL, worked on over a cloud in memory that can be made to misbehave."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import replace
from itertools import count
from uuid import UUID

from onenet_common.connection import CType, Step
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.errors import OneNetError
from onenet_common.events import Event, HealthSampled
from onenet_provisioner.drivers.driver import Done, Link, Outcome, Wait, unguarded
from onenet_provisioner.drivers.memory import MemoryCloud, MemoryDriver, SeenPath
from onenet_provisioner.leases import SECONDS as LEASE_SECONDS
from onenet_provisioner.leases import Leases, boot_clock
from onenet_provisioner.link_store import LinkStore
from onenet_provisioner.links import Work
from onenet_provisioner.reconciler import Reconciler
from onenet_provisioner.tables import Table
from tests.integration.publications import published

WATCH_INTERVAL = 3600.0
_numbers = count(1)


class TroubledDriver(MemoryDriver):
    """The driver in memory, with trouble before chosen calls.

    ``troubles`` are met in order, one at each call of that action, or at a look for ``observe``;
    ``gates`` hold a call until they are opened, and say that it has come; ``late_gates`` hold one
    that has left already.
    """

    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        super().__init__(self.cloud)
        self.troubles: defaultdict[str, deque[OneNetError | Wait | Exception]] = defaultdict(deque)
        self.remembers: dict[str, dict[str, str]] = {}
        self.gates: dict[str, Gate] = {}
        self.late_gates: dict[str, Gate] = {}
        self.calls: list[str] = []
        self.looks = 0

    async def observe(self, link: Link) -> SeenPath:
        self.looks += 1
        if troubles := self.troubles["observe"]:
            trouble = troubles.popleft()
            assert isinstance(trouble, Exception)
            raise trouble
        return await super().observe(link)

    async def apply(self, link: Link, step: Step) -> Outcome:
        self.calls.append(step.action)
        if (gate := self.gates.pop(step.action, None)) is not None:
            await gate.pass_through()
        if troubles := self.troubles[step.action]:
            trouble = troubles.popleft()
            if isinstance(trouble, Wait):
                return trouble
            raise trouble
        if (late := self.late_gates.pop(step.action, None)) is not None:
            link.guard()
            await late.pass_through()
            link = replace(link, guard=unguarded)
        await super().apply(link, step)
        return Done(self.remembers.get(step.action, {}))

    def everything(self) -> tuple[int, int]:
        """How many paths and hops there are."""
        return len(self.cloud.paths), sum(len(hops) for hops in self.cloud.hops.values())


class Gate:
    """Holds somebody until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self) -> None:
        self.reached.set()
        await self.opened.wait()


class LinkScene:
    """One provisioner's links, in a schema of their own."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, schema=f"links_{next(_numbers)}", metadata=Table.metadata, size=8)
        self.asleep = 0.0
        leases = Leases(lambda: boot_clock() + self.asleep)
        self.store = LinkStore(self.database, deadline=900, leases=leases)
        self.driver = TroubledDriver()
        self.changed: set[UUID] = set()
        self.reconciler = Reconciler(
            self.store,
            {CType.AWS_PEERING: self.driver},
            watch_interval=WATCH_INTERVAL,
            wake_after=lambda _: None,
            changed=self.changed.update,
        )

    async def want(self, *messages: Message) -> None:
        async with self.database.transaction() as connection:
            await self.store.want(messages, connection)

    async def step(self) -> int:
        """Work on everything that is due, once; how many links that were."""
        held = await self.store.claim(100)
        await asyncio.gather(*(self.reconciler.reconcile(work) for work in held))
        return len(held)

    async def settle(self) -> None:
        """Work until nothing is due."""
        while await self.step():
            pass

    async def hurry(self) -> None:
        """Make due what waits for its time, and work on it."""
        await self.execute("UPDATE links SET due_at = now() WHERE due_at IS NOT NULL")
        await self.settle()

    async def oversleep(self) -> None:
        """Let so much time pass that every lease has ended, here and in the database."""
        self.asleep += LEASE_SECONDS
        await self.execute(
            "UPDATE links SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL"
        )

    async def execute(self, statement: str) -> None:
        async with self.database.acquire() as connection:
            await connection.execute(statement)

    async def claimed(self) -> Work:
        [work] = await self.store.claim(1)
        return work

    async def published(self) -> list[Event]:
        """Every event so far, in order."""
        return await published(self.database)

    async def told(self) -> list[str]:
        """What was published: verbs, and of samples the health."""
        return [
            event.sample.health if isinstance(event, HealthSampled) else event.happening()
            for event in await self.published()
        ]

    async def forget_published(self) -> None:
        await self.execute("DELETE FROM outbox")

    async def link(self) -> dict[str, object]:
        async with self.database.acquire() as connection:
            row = await connection.fetchrow(
                "SELECT *, due_at <= now() AS due, leased_until > now() AS leased FROM links"
            )
        assert row is not None
        return dict(row)
