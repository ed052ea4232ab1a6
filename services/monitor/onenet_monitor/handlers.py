"""Samples become verdicts, the life of connections becomes key figures."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from onenet_common import outbox
from onenet_common.database import Connection
from onenet_common.durations import LONG, duration
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, ConnectionHealthChanged, HealthSampled
from onenet_common.states import Health
from onenet_common.telemetry import meter
from onenet_monitor import store
from onenet_monitor.standings import OVER, failure_code, moved, seconds_to_establish
from onenet_monitor.verdicts import Verdict, judge

_samples = meter.create_counter("onenet.health.samples", description="Samples by source and health")
_time_to_establish = duration(
    "onenet.connections.time_to_establish", "From the request to the connection", bounds=LONG
)
_failures = meter.create_counter("onenet.connections.failures", description="Came to nothing, by reason")


async def handle(messages: Sequence[Message], connection: Connection) -> None:
    """Take in one batch, in the caller's transaction."""
    await judge_samples([one for one in messages if isinstance(one.event, HealthSampled)], connection)
    await follow([one for one in messages if isinstance(one.event, ConnectionEvent)], connection)


async def judge_samples(messages: Sequence[Message], connection: Connection) -> None:
    """Fold samples into verdicts, and publish each verdict that changed."""
    samples = [(message, message.event) for message in messages if isinstance(message.event, HealthSampled)]
    if not samples:
        return
    ids = [event.connection_id for _, event in samples]
    known = await store.verdicts(connection, ids)
    over = await store.over(connection, ids)
    changes: list[Message] = []
    changed: dict[UUID, Verdict] = {}
    for message, event in samples:
        _samples.add(1, {"source": event.sample.source, "health": event.sample.health})
        before = known.get(event.connection_id)
        # Samples come by another topic: the last ones may arrive after the end.
        verdict = judge(before, event) if event.generation > over.get(event.connection_id, 0) else None
        if verdict is None:
            continue
        known[event.connection_id] = changed[event.connection_id] = verdict
        previous = before.health if before else Health.UNKNOWN
        if verdict.health is not previous:
            changes.append(message.derive(_health_changed(event, verdict, previous)))
    await store.keep_verdicts(connection, changed)
    await outbox.publish(connection, changes)


async def follow(messages: Sequence[Message], connection: Connection) -> None:
    """Fold the life of connections into their standings, and count what they amount to."""
    events = [(message, message.event) for message in messages if isinstance(message.event, ConnectionEvent)]
    if not events:
        return
    known = await store.standings(connection, [event.connection_id for _, event in events])
    changed = set()
    for message, event in events:
        before = known.get(event.connection_id)
        standing = moved(before, message)
        if standing is None:
            continue
        if (seconds := seconds_to_establish(before, message)) is not None:
            _time_to_establish.record(seconds, {"ctype": standing.ctype or ""})
        if (code := failure_code(message)) is not None:
            _failures.add(1, {"ctype": standing.ctype or "", "code": code})
        known[event.connection_id] = standing
        changed.add(event.connection_id)
    await store.keep_standings(connection, {one: known[one] for one in changed})
    await store.drop_verdicts(connection, [one for one in changed if known[one].state in OVER])


def _health_changed(event: HealthSampled, verdict: Verdict, previous: Health) -> ConnectionHealthChanged:
    return ConnectionHealthChanged(
        connection_id=event.connection_id,
        generation=event.generation,
        health=verdict.health,
        previous=previous,
        reasons=verdict.reasons,
        at=verdict.since,
    )
