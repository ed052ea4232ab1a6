"""Verdicts are made, published when they change, and written down for availability: in one transaction.

A sample that comes twice or late changes nothing, and neither does judging twice for the same time: what
counts are the times that the samples say themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from onenet_common import outbox
from onenet_common.connection import CType, Sample
from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import ConnectionHealthChanged, HealthSampled
from onenet_common.states import Health
from onenet_common.telemetry import meter
from onenet_monitor import store, verdict_store
from onenet_monitor.periods import periods
from onenet_monitor.verdicts import Verdict, advance, take

AHEAD = timedelta(seconds=60)
"""By so much the clock of a source may be ahead; what a sample says of a later time is not believed,
since everything until then would come too late."""

_samples = meter.create_counter("onenet.health.samples", description="Samples by source and health")
_refused = meter.create_counter("onenet.health.samples.refused", description="Samples of a time to come")


async def judge(messages: Sequence[Message], connection: Connection, now: datetime) -> None:
    """Fold samples into verdicts, in the caller's transaction."""
    samples = [
        (message, message.event)
        for message in messages
        if isinstance(message.event, HealthSampled) and _believed(message.event, now)
    ]
    if not samples:
        return
    ids = [event.connection_id for _, event in samples]
    over = await store.over(connection, ids)
    changes = Changes(await verdict_store.verdicts(connection, ids))
    for message, event in samples:
        # Samples come by another topic: the last ones may arrive after the end.
        if event.generation > over.get(event.connection_id, 0):
            before = changes.known.get(event.connection_id)
            changes.follow(event.connection_id, take(before, event), message)
    await changes.keep(connection)


async def judge_own(connection: Connection, samples: Mapping[UUID, Sample]) -> None:
    """Fold samples that the monitor has taken itself; one of a connection without a verdict is dropped."""
    changes = Changes(await verdict_store.verdicts(connection, samples))
    for connection_id, verdict in list(changes.known.items()):
        sample = samples[connection_id]
        _samples.add(1, {"source": sample.source, "health": sample.health})
        event = HealthSampled(connection_id=connection_id, generation=verdict.generation, sample=sample)
        changes.follow(connection_id, take(verdict, event))
    await changes.keep(connection)


async def judge_due(connection: Connection, now: datetime, limit: int) -> int:
    """Judge what time alone may have changed, in the caller's transaction.

    Returns:
        how many were due, ``limit`` at most.
    """
    due = await verdict_store.due(connection, now, limit)
    changes = Changes(due)
    for connection_id, verdict in due.items():
        # A row that the release before this one wrote may not be due at all: it is written as it is.
        changes.follow(connection_id, advance(verdict, now) or (verdict,))
    await changes.keep(connection)
    return len(due)


async def end(connection: Connection, at: Mapping[UUID, datetime]) -> None:
    """Forget the verdicts on connections that are no more, and end what availability is counted from."""
    known = await verdict_store.verdicts(connection, at)
    last = {one: periods(_changes(known[one], advance(known[one], at[one]))) for one in known}
    await verdict_store.keep_periods(connection, last)
    await verdict_store.close_periods(connection, at)
    await verdict_store.drop(connection, at)


class Changes:
    """What becomes of verdicts in one transaction.

    Args:
        known: the verdicts so far, locked; ``follow`` moves them on.
    """

    def __init__(self, known: dict[UUID, Verdict]) -> None:
        self.known = known
        self._moved: set[UUID] = set()
        self._begun: dict[UUID, list[Verdict]] = {}
        self._changed: list[tuple[ConnectionHealthChanged, Message | None]] = []

    def follow(self, connection_id: UUID, verdicts: Sequence[Verdict], cause: Message | None = None) -> None:
        """Take over verdicts that follow the known one, one after the other."""
        if not verdicts:
            return
        previous = self.known.get(connection_id)
        for verdict in _changes(previous, verdicts):
            event = _health_changed(connection_id, verdict, previous.health if previous else Health.UNKNOWN)
            self._changed.append((event, cause))
            self._begun.setdefault(connection_id, []).append(verdict)
            previous = verdict
        self.known[connection_id] = verdicts[-1]
        self._moved.add(connection_id)

    async def keep(self, connection: Connection) -> None:
        await verdict_store.keep(connection, {one: self.known[one] for one in self._moved})
        await verdict_store.keep_periods(connection, {one: periods(of) for one, of in self._begun.items()})
        await outbox.publish(connection, await self._messages(connection))

    async def _messages(self, connection: Connection) -> list[Message]:
        if not self._changed:
            return []
        ctypes = await store.ctypes(connection, {event.connection_id for event, _ in self._changed})
        return [_message(event, cause, ctypes.get(event.connection_id)) for event, cause in self._changed]


def _message(event: ConnectionHealthChanged, cause: Message | None, known: CType | None) -> Message:
    """Samples may overtake, on a topic of their own, what tells of the ctype: a sample's own goes first."""
    if cause is None:
        return Message.of(event.model_copy(update={"ctype": known}))
    ctype = cause.event.ctype if isinstance(cause.event, HealthSampled) else None
    return cause.derive(event.model_copy(update={"ctype": ctype or known}))


def _changes(before: Verdict | None, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those of the verdicts whose health is another than that of the one before."""
    healths = [before.health if before else None, *(verdict.health for verdict in verdicts)]
    return [
        verdict for verdict, health in zip(verdicts, healths, strict=False) if verdict.health is not health
    ]


def _believed(sampled: HealthSampled, now: datetime) -> bool:
    labels = {"source": sampled.sample.source}
    if sampled.sample.at > now + AHEAD:
        _refused.add(1, labels)
        return False
    _samples.add(1, {**labels, "health": sampled.sample.health})
    return True


def _health_changed(connection_id: UUID, verdict: Verdict, previous: Health) -> ConnectionHealthChanged:
    return ConnectionHealthChanged(
        connection_id=connection_id,
        generation=verdict.generation,
        health=verdict.health,
        previous=previous,
        reasons=verdict.reasons,
        at=verdict.since,
    )
