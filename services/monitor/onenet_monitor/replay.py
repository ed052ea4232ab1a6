"""The read model rebuilt from the topics, beside a monitor that runs or without one.

Exactly what the monitor has handled is folded: what its group has committed, and what its inbox
knows. What waits is left to it, so that no change of health goes untold, and nothing is published
here. At the end the inbox is locked for a moment, which is where every handler's transaction begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.events import CONNECTIONS, HEALTH, ConnectionEvent, HealthSampled
from onenet_common.kafka_settings import KafkaSettings
from onenet_common.past import Past, Say, opened
from onenet_common.replaying import Findings, Options, Rebuild
from onenet_common.states import Health
from onenet_monitor import store, verdict_store
from onenet_monitor.periods import periods
from onenet_monitor.rebuilding import Rebuilding
from onenet_monitor.verdicts import Verdict

T = TypeVar("T")


def rebuilding(
    settings: Callable[[], KafkaSettings], group: str, topics: tuple[str, str] = (CONNECTIONS, HEALTH)
) -> Rebuild:
    """The command's work.

    Args:
        group: the monitor's consumer group, and its name in the inbox.
        topics: of the life of connections, and of samples.
    """

    async def rebuild(database: Database, options: Options, say: Say) -> Findings:
        async with opened(settings(), topics, say=say, group=group) as past:
            folding = _Folding(past, topics)
            async with database.acquire() as connection:
                await folding.go_on(connection, to_the_end=False)
            async with database.transaction() as connection:
                await connection.execute("LOCK TABLE inbox IN EXCLUSIVE MODE")
                met = sorted(folding.rebuilt.met)
                folding.rebuilt.renew(await store.standings(connection, met, lock=False))
                await folding.go_on(connection, to_the_end=True)
                differences = await _replace(connection, folding.rebuilt, dry_run=options.dry_run)
            return Findings(differences, unreadable=past.unreadable)

    return rebuild


@dataclass
class _Folding:
    """What the monitor has handled, folded as far as it was read."""

    past: Past
    topics: tuple[str, str]
    rebuilt: Rebuilding = field(default_factory=Rebuilding)

    async def go_on(self, connection: Connection, *, to_the_end: bool) -> None:
        """Fold on.

        Args:
            to_the_end: nobody handles anything meanwhile, so that what is not handled is passed over;
                otherwise a partition is left there, to be gone on with.
        """
        await self.past.look_up_committed()
        # Samples are judged by how the connections' lives came out.
        for topic, kind in zip(self.topics, (ConnectionEvent, HealthSampled), strict=True):
            async for batch in self.past.read(topic):
                handled = await self.past.handled(batch, connection)
                if not to_the_end:
                    handled = self.past.without_gaps(batch, handled)
                await self._fold(
                    [told.message for told in handled if isinstance(told.message.event, kind)], connection
                )

    async def _fold(self, messages: Sequence[Message], connection: Connection) -> None:
        strangers = sorted(self.rebuilt.strangers(messages))
        standings = await store.standings(connection, strangers, lock=False)
        verdicts = await verdict_store.verdicts(connection, strangers, lock=False)
        self.rebuilt.go_on(strangers, standings, verdicts)
        had = await self.past.in_inbox(messages, connection)
        for message in messages:
            self.rebuilt.take(message, had=message.id in had)


async def _replace(connection: Connection, rebuilt: Rebuilding, *, dry_run: bool) -> list[str]:
    """Write what differs, and say what that is."""
    ids = sorted(rebuilt.met)
    stored = await verdict_store.verdicts(connection, ids)
    standings = _changed(rebuilt.standings, await store.standings(connection, ids))
    verdicts = {one: it for one, it in rebuilt.verdicts.items() if _held(it) != _held(stored.get(one))}
    over = [one for one in stored if one not in rebuilt.verdicts]
    if not dry_run:
        await store.keep_standings(connection, standings)
        await verdict_store.keep(connection, verdicts)
        await verdict_store.keep_periods(connection, {one: periods([it]) for one, it in verdicts.items()})
        await verdict_store.close_periods(connection, dict.fromkeys(over, datetime.now(UTC)))
        await verdict_store.drop(connection, over)
    return [
        *(f"{one}: stands at {it.state}, generation {it.generation}" for one, it in standings.items()),
        *(f"{one}: its health is {it.health}, since {it.since}" for one, it in verdicts.items()),
        *(f"{one}: is over and has no health" for one in over),
    ]


def _changed(rebuilt: Mapping[UUID, T], stored: Mapping[UUID, T]) -> dict[UUID, T]:
    return {one: value for one, value in rebuilt.items() if stored.get(one) != value}


def _held(verdict: Verdict | None) -> tuple[int, Health, datetime] | None:
    """What is held true; what it follows from is heard again with the next samples."""
    return (verdict.generation, verdict.health, verdict.since) if verdict else None
