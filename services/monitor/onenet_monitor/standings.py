"""Where each connection stands, from its events alone, and the figures that follow. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from onenet_common.connection import CType
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionDeletionRequested,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionRejected,
    ConnectionRequested,
)
from onenet_common.states import State, after

OVER = frozenset({State.DELETED, State.FAILED, State.REJECTED})
"""States in which there is no path whose health could be judged."""

ENDED = "state IN ('DELETED', 'FAILED', 'PLANNED', 'REJECTED')"
"""Which connections nothing more happens to unless somebody asks, as SQL."""

UNDER_WAY = (State.REQUESTED, State.PROVISIONING, State.DELETING)
"""States in which OneNet owes the next step; consent is owed by people."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a connection stands.

    Args:
        asked_at: when the generation was asked for, a removal too; the start of time-to-establish.
        stands: an earlier or this generation was established and has not been taken down, so
            that a change which comes to nothing leaves it as it was.
    """

    generation: int
    state: State
    ctype: str | None
    asked_at: datetime
    stands: bool = False


def moved(standing: Standing | None, message: Message) -> Standing | None:
    """The standing after one event; None when the event is history or not allowed here."""
    event = message.event
    if not isinstance(event, ConnectionEvent):
        return None
    if standing is None or event.generation > standing.generation:
        return _renewed(standing, event, message)
    if event.generation < standing.generation:
        return None
    state = after(standing.state, _happening(event, stands=standing.stands))
    if state is None or _asked_again(standing, event, state):
        return None
    ctype = _ctype(event) or standing.ctype
    asked_at = message.time if isinstance(event, ConnectionRequested) else standing.asked_at
    return replace(
        standing, state=state, ctype=ctype, asked_at=asked_at, stands=_stands(state, standing.stands)
    )


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
    before = standing or Standing(event.generation, State.REQUESTED, None, message.time)
    if isinstance(event, ConnectionApprovalRequested | ConnectionRequested):
        asked = isinstance(event, ConnectionApprovalRequested)
        start = State.PENDING_APPROVAL if asked else State.REQUESTED
        return replace(before, generation=event.generation, state=start, asked_at=message.time)
    state = after(before.state, _happening(event, stands=before.stands))
    if state is None:
        return None
    ctype = _ctype(event) or before.ctype
    stands = _stands(state, before.stands)
    asked_at = message.time if isinstance(event, ConnectionDeletionRequested) else before.asked_at
    return replace(
        before, generation=event.generation, state=state, ctype=ctype, asked_at=asked_at, stands=stands
    )


def _ctype(event: ConnectionEvent) -> CType | None:
    """By which ctype it is, or was to be; after a change that came to nothing, the one that stands."""
    return (event.stands if isinstance(event, ConnectionFailed) else None) or event.ctype


def _asked_again(standing: Standing, event: ConnectionEvent, state: State) -> bool:
    """Whether it is a wish that was published again, late: a generation begins once."""
    asks = isinstance(event, ConnectionApprovalRequested | ConnectionRequested)
    return asks and state is not standing.state and standing.state is not State.PENDING_APPROVAL


def _stands(state: State, before: bool) -> bool:
    return state is State.ESTABLISHED or (before and state not in OVER)


def _happening(event: ConnectionEvent, *, stands: bool) -> str:
    """The event's verb, or ``reverted`` when an earlier generation stands as it was."""
    if isinstance(event, ConnectionFailed) and event.reverted:
        return "reverted"
    if isinstance(event, ConnectionRejected) and stands:
        return "reverted"
    return event.happening()
