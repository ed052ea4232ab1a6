"""Users who ask, change their minds and take down, and write down exactly what was accepted.

An answer that was lost is asked for again until it is known: a create under its idempotency key,
a deletion because deleting twice is one deletion, a change by looking at the generation.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from onenet_client.client import Client
from onenet_client.errors import Conflict, Faulty, Unreachable
from onenet_client.models import Connection
from tests.chaos.ledger import Accepted, Ledger, Pair, Verb

UNANSWERED = (Unreachable, Faulty)
LOOK_SECONDS = 2.0
PATIENCE = 60.0
"""Seconds for which a user waits for one connection to come to rest before doing something else."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Intent:
    """What one user will do with one pair; drawn before the run, so that a seed repeats it.

    Args:
        begins: seconds from the start of the run.
        waits: whether each step waits for the one before to be carried out.
        port: asked for by a change; None asks again for the same, with the networks as they are.
        anew: ask for the pair again once it is deleted.
    """

    pair: Pair
    begins: float
    waits: bool
    changes: bool
    port: int | None
    deletes: bool
    anew: bool


def intents(pairs: Sequence[Pair], dice: random.Random, *, seconds: float) -> list[Intent]:
    """What becomes of each pair: half are changed, half deleted, some of those asked for again."""
    return [
        Intent(
            pair,
            begins=dice.uniform(0.0, seconds),
            waits=dice.random() < 0.6,
            changes=dice.random() < 0.5,
            port=dice.choice((None, 443)),
            deletes=(deletes := dice.random() < 0.5),
            anew=deletes and dice.random() < 0.3,
        )
        for pair in pairs
    ]


@dataclass
class User:
    """One user with a client for each replica of the API, who takes the other one when one is silent.

    Args:
        hurries_at: seconds on the clock from when on nothing is waited for any more.
    """

    replicas: Sequence[Client]
    ledger: Ledger
    hurries_at: float
    clock: Callable[[], float] = time.monotonic
    posting: asyncio.Event = field(default_factory=asyncio.Event)
    unanswered: int = 0
    _turn: int = 0

    async def carry_out(self, intent: Intent) -> None:
        """Create, perhaps change, perhaps delete, perhaps all over again."""
        connection = await self._create(intent.pair, "first")
        if intent.waits:
            await self._settled(connection)
        if intent.changes:
            await self._change(connection, intent)
        if not intent.deletes:
            return
        await self._delete(connection, intent.pair)
        if not intent.anew:
            return
        if (await self._settled(connection)).state == "DELETED":
            await self._create(intent.pair, "second")
        else:
            self.ledger.refused += 1

    async def _create(self, pair: Pair, which: str) -> UUID:
        key = f"{pair[0]}-{pair[1]}-{which}"
        made, tries = await self._insist(lambda onenet: onenet.connections.create(*pair, key=key))
        self._accepted(made.id, pair, Verb.CREATE, tries)
        return made.id

    async def _change(self, connection: UUID, intent: Intent) -> None:
        """Ask for another filter, or for the same again; what is under way refuses."""
        before = await self._settled(connection)
        if before.state != "ESTABLISHED":
            self.ledger.refused += 1
            return

        async def change(onenet: Client) -> None:
            if (await onenet.connections.get(connection)).generation != before.generation:
                return
            if intent.port is None:
                await onenet.connections.retry(connection)
            else:
                only = {"protocol": "tcp", "from_port": intent.port, "to_port": intent.port}
                await onenet.connections.change(connection, {"l4filters": [only]})

        try:
            _, tries = await self._insist(change)
        except Conflict:
            # A try before this one took effect between our look and our asking.
            if (await self._read(connection)).generation == before.generation:
                raise
            tries = 2
        self._accepted(connection, intent.pair, Verb.CHANGE, tries)

    async def _delete(self, connection: UUID, pair: Pair) -> None:
        try:
            _, tries = await self._insist(lambda onenet: onenet.connections.delete(connection))
        except Conflict:
            # It is deleted already, because a try before this one was accepted.
            if (await self._read(connection)).state not in ("DELETING", "DELETED"):
                raise
            tries = 2
        self._accepted(connection, pair, Verb.DELETE, tries)

    async def _settled(self, connection: UUID) -> Connection:
        """It, as soon as nothing is under way, or after a long while as it is."""
        deadline = min(self.clock() + PATIENCE, self.hurries_at)
        while True:
            seen = await self._read(connection)
            if seen.state in ("ESTABLISHED", "DELETED") or self.clock() > deadline:
                return seen
            await asyncio.sleep(LOOK_SECONDS)

    async def _read(self, connection: UUID) -> Connection:
        return (await self._insist(lambda onenet: onenet.connections.get(connection)))[0]

    async def _insist(self, ask: Callable[[Client], Awaitable[T]]) -> tuple[T, int]:
        """Ask until somebody answers; the answer and how often it took."""
        tries = 0
        while True:
            tries += 1
            onenet = self.replicas[self._turn % len(self.replicas)]
            self.posting.set()
            try:
                return await ask(onenet), tries
            except UNANSWERED:
                self.unanswered += 1
                self._turn += 1
            await asyncio.sleep(0.2)

    def _accepted(self, connection: UUID, pair: Pair, verb: Verb, tries: int) -> None:
        self.ledger.entries.append(Accepted(connection, pair, verb, tries, self.clock()))


async def act(user: User, wanted: Sequence[Intent], *, at_once: int) -> None:
    """Carry out everything that one user wants, each in its time."""
    slots = asyncio.Semaphore(at_once)
    began = user.clock()

    async def one(intent: Intent) -> None:
        await asyncio.sleep(max(0.0, began + intent.begins - user.clock()))
        async with slots:
            await user.carry_out(intent)

    async with asyncio.TaskGroup() as group:
        for intent in wanted:
            group.create_task(one(intent))
