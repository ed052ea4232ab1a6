"""What other services did to connections, projected into our rows: a batch in four statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from onenet_api.connections import store, timeline
from onenet_api.connections.fold import fold
from onenet_api.connections.waiting import notify
from onenet_common import database
from onenet_common.envelope import Message
from onenet_common.events import EVENTS, ConnectionEvent
from onenet_common.telemetry import meter

_projected = meter.create_counter(
    "onenet.api.events.projected",
    description="Events of connections by type and verdict: applied, own, history, refused, unknown",
)


HANDLED = frozenset(
    name
    for name, event in EVENTS.items()
    if issubclass(event, ConnectionEvent) and event.producer != "onenet-api"
)
"""Our own events took effect, and got onto the timeline, in the transaction that published them."""


async def project(messages: Sequence[Message], connection: database.Connection) -> None:
    """Handle a batch of events of connections, in order.

    Events of connections that we do not know are counted and passed over: we alone create them.
    """
    events = [(message, message.event) for message in messages if isinstance(message.event, ConnectionEvent)]
    ids = sorted({event.connection_id for _, event in events})
    before = await store.locked(connection, "c.id = ANY($1)", ids)
    after = dict(before)
    known: list[Message] = []
    verdicts: Counter[tuple[str, str]] = Counter()
    for message, event in events:
        if (current := after.get(event.connection_id)) is None:
            verdicts[event.type, "unknown"] += 1
            continue
        known.append(message)
        folded = fold(current, message)
        after[event.connection_id] = folded.connection
        verdicts[event.type, folded.verdict] += 1
    changed = [one for one in after.values() if one is not before[one.id]]
    await store.update(connection, changed)
    await timeline.record(connection, known)
    await notify(connection, [one.id for one in changed])
    for (event_type, verdict), count in verdicts.items():
        _projected.add(count, {"type": event_type, "verdict": verdict})
