"""The timeline of a connection: each of its events, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from onenet_common import database, events, outbox
from onenet_common.connection import Step
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent

HIDDEN = {"connection_id", "generation", "wish"}
"""What stands elsewhere, or is more than one side's owners may see."""

_ROWS = TypeAdapter(list[dict[str, Any]])
COLUMNS = "id, connection_id, type, time, actor, source, generation, trace_id, summary, data"
"""Ours; the table may have more, of the next release."""

_INSERT = f"""
INSERT INTO timeline ({COLUMNS})
SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::timeline, $1) ON CONFLICT DO NOTHING
"""


async def record(connection: database.Connection, messages: Sequence[Message]) -> None:
    """Add events, each once, whatever they did to their connection."""
    await connection.execute(_INSERT, rows(messages))


async def publish(connection: database.Connection, messages: Sequence[Message]) -> None:
    """Publish events of ours, which are on the timeline at once."""
    if messages:
        await outbox.publish(connection, messages)
        await record(connection, messages)


def rows(messages: Sequence[Message]) -> str:
    """Rows of the table, as a JSON array for ``jsonb_populate_recordset``."""
    found = [
        row(message, message.event) for message in messages if isinstance(message.event, ConnectionEvent)
    ]
    return _ROWS.dump_json(found).decode()


def row(message: Message, event: ConnectionEvent) -> dict[str, Any]:
    """One row of the table ``timeline``."""
    asking = isinstance(event, events.ConnectionApprovalRequested)
    return {
        "id": message.id,
        "connection_id": event.connection_id,
        "type": event.type,
        "time": message.time,
        "actor": message.actor,
        "source": message.source,
        "generation": event.generation,
        "trace_id": message.trace_id,
        "summary": SUMMARIES[type(event)](event),
        # Addresses could be guessed from a digest by those who may not see them yet.
        "data": event.model_dump(mode="json", exclude=HIDDEN | ({"terms"} if asking else set())),
    }


def _steps(steps: Sequence[Step]) -> str:
    return "; ".join(map(_step, steps)) or "nothing"


def _step(step: Step) -> str:
    """Of a step without a target, its reader may know only where it is."""
    return f"{step.action} {step.target}" if step.target else f"{step.action} on the {step.side} side"


def drift(steps: Sequence[Step]) -> str:
    """What was found changed, in words."""
    return f"changed behind OneNet's back; repairing: {_steps(steps)}"


def summary(event: type[ConnectionEvent], data: Mapping[str, Any]) -> str:
    """An event in words, from those of its fields that a reader may see."""
    return SUMMARIES[event](event.model_construct(**data))


SUMMARIES: dict[type[ConnectionEvent], Callable[[Any], str]] = {
    events.ConnectionRequested: lambda e: f"{e.wish.name} was asked for",
    events.ConnectionApprovalRequested: lambda e: "the other side was asked to agree",
    events.ConnectionApproved: lambda e: f"{e.approved_by} agreed",
    events.ConnectionRefused: lambda e: f"{e.refused_by} refused: {e.reason}",
    events.ConnectionEvaluated: lambda e: f"{e.ctype} is the best way",
    events.ConnectionRejected: lambda e: f"no way is possible: {'; '.join(e.reasons)}",
    events.ConnectionPathRefused: lambda e: f"{e.ctype} is not possible here: {e.reason}",
    events.ConnectionPlanned: lambda e: f"would be done: {_steps(e.steps)}",
    events.ConnectionEstablished: lambda e: f"established as {e.ctype}",
    events.ConnectionFailed: lambda e: f"failed: {e.reason}",
    events.ConnectionDelayed: lambda e: f"takes longer, and is tried again: {e.reason}",
    events.ConnectionDrifted: lambda e: drift(e.differences),
    events.ConnectionRepaired: lambda e: "is again as it was established",
    events.ConnectionHealthChanged: lambda e: f"health went from {e.previous} to {e.health}",
    events.ConnectionDeletionRequested: lambda e: "its deletion was asked for",
    events.ConnectionDeleted: lambda e: "deleted; nothing of it is left",
}
