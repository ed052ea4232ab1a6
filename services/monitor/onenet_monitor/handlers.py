"""Samples become verdicts, the life of connections becomes key figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from onenet_common.database import Connection
from onenet_common.durations import LONG, duration
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, HealthSampled
from onenet_common.telemetry import meter
from onenet_monitor import judging, store
from onenet_monitor.standings import OVER, failure_code, moved, seconds_to_establish

_time_to_establish = duration(
    "onenet.connections.time_to_establish", "From the request to the connection", bounds=LONG
)
_failures = meter.create_counter("onenet.connections.failures", description="Came to nothing, by reason")


async def handle(messages: Sequence[Message], connection: Connection) -> None:
    """Take in one batch, in the caller's transaction."""
    samples = [one for one in messages if isinstance(one.event, HealthSampled)]
    await judging.judge(samples, connection, datetime.now(UTC))
    await follow([one for one in messages if isinstance(one.event, ConnectionEvent)], connection)


async def follow(messages: Sequence[Message], connection: Connection) -> None:
    """Fold the life of connections into their standings, and count what they amount to."""
    events = [(message, message.event) for message in messages if isinstance(message.event, ConnectionEvent)]
    if not events:
        return
    known = await store.standings(connection, [event.connection_id for _, event in events])
    changed = set()
    ended: dict[UUID, datetime] = {}
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
        if standing.state in OVER:
            ended[event.connection_id] = message.time
    await store.keep_standings(connection, {one: known[one] for one in changed})
    await judging.end(connection, {one: ended[one] for one in ended if known[one].state in OVER})
