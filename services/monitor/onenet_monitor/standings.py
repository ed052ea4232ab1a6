"""Where each connection stands, from its events alone, and the figures that follow. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionEstablished,
    ConnectionEvaluated,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionRejected,
    ConnectionRequested,
)
from onenet_common.states import State, after


@dataclass(frozen=True, slots=True)
class Standing:
    """Args: asked_at: when the generation's request was made, the start of time-to-establish."""

    generation: int
    state: State
    ctype: str | None
    asked_at: datetime


def moved(standing: Standing | None, message: Message) -> Standing | None:
    """The standing after one event; None when the event is history or not allowed here."""
    event = message.event
    if not isinstance(event, ConnectionEvent):
        return None
    if standing is None or event.generation > standing.generation:
        return _renewed(standing, event, message)
    if event.generation < standing.generation:
        return None
    state = after(standing.state, _happening(event))
    if state is None:
        return None
    ctype = event.ctype.value if isinstance(event, ConnectionEvaluated) else standing.ctype
    asked_at = message.time if isinstance(event, ConnectionRequested) else standing.asked_at
    return replace(standing, state=state, ctype=ctype, asked_at=asked_at)


def seconds_to_establish(before: Standing | None, message: Message) -> float | None:
    """Seconds from the request to the connection being there; None for any other event."""
    if not isinstance(message.event, ConnectionEstablished) or before is None:
        return None
    if before.state is State.ESTABLISHED or message.event.generation != before.generation:
        return None
    return max(0.0, (message.time - before.asked_at).total_seconds())


def failure_code(message: Message) -> str | None:
    """Why a connection came to nothing, as a word; None for any other event."""
    match message.event:
        case ConnectionFailed(code=code):
            return code
        case ConnectionRejected():
            return "rejected"
    return None


def _renewed(standing: Standing | None, event: ConnectionEvent, message: Message) -> Standing | None:
    start = State.PENDING_APPROVAL if isinstance(event, ConnectionApprovalRequested) else State.REQUESTED
    if isinstance(event, ConnectionApprovalRequested | ConnectionRequested):
        return Standing(event.generation, start, standing.ctype if standing else None, message.time)
    state = after(standing.state if standing else State.REQUESTED, _happening(event))
    if state is None:
        return None
    ctype = getattr(event, "ctype", None) or (standing.ctype if standing else None)
    return Standing(event.generation, state, ctype, standing.asked_at if standing else message.time)


def _happening(event: ConnectionEvent) -> str:
    if isinstance(event, ConnectionFailed) and event.reverted:
        return "reverted"
    return event.happening()
