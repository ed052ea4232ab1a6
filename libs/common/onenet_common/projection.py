"""Every connection as the topic alone tells of it: pure, for subscribers that keep no other record.

Causes come before their effects on the topic, since both have one key, but services write side by
side: what speaks of an older generation is history. A wish may be published again, so a generation
begins once. Of a topic that no longer has its beginning, a connection is known from the first event
on that leaves no doubt about its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from pydantic import Field

from onenet_common import events
from onenet_common.connection import CType, Value, Wish
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, WishEvent
from onenet_common.states import TRANSITIONS, Health, State, after

WATCHING = frozenset({"drifted", "repaired", "health_changed"})
"""Happenings of what was established earlier; they may lag behind a newer wish that came to nothing."""

_BEGINNING = frozenset({"approval_requested", "requested"})
_ARRIVALS = {
    happening: next(iter(targets))
    for happening, moves in TRANSITIONS.items()
    if len(targets := set(moves.values())) == 1
} | {"approval_requested": State.PENDING_APPROVAL, "health_changed": State.ESTABLISHED}
"""Where a happening leads when nothing is known of the connection before it."""


class Projected(Value):
    """A connection as its events have it.

    Args:
        established_generation: the newest generation that was established; 0 for none.
        wish: the last one published; None when it was published before the first event at hand.
        details: the provider's names for what was built, such as ``peering_id``.
        drifted: somebody changed what OneNet had built, and it is not repaired yet.
        reasons: why the last wish came to nothing or takes long, in words. Of an established connection
            the API may show them longer: whether consent is asked for a wish or for new addresses
            does not show on the topic.
    """

    id: UUID
    state: State
    generation: int
    established_generation: int = 0
    wish: Wish | None = None
    ctype: CType | None = None
    details: dict[str, str] = Field(default_factory=dict)
    adopted: bool = False
    drifted: bool = False
    health: Health = Health.UNKNOWN
    health_reasons: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def rebuild(messages: Iterable[Message]) -> dict[UUID, Projected]:
    """Every connection after these messages, which are in the order of their partitions.

    Messages that come twice count once; those that are no events of connections are passed over.
    """
    known: dict[UUID, Projected] = {}
    seen: set[UUID] = set()
    for message in messages:
        event = message.event
        if message.id in seen or not isinstance(event, ConnectionEvent):
            continue
        seen.add(message.id)
        if (folded := fold(known.get(event.connection_id), event)) is not None:
            known[event.connection_id] = folded
    return known


def fold(known: Projected | None, event: ConnectionEvent) -> Projected | None:
    """The connection after one event of it.

    Args:
        known: the connection before; None when nothing was heard of it.

    Returns:
        None when the event does not tell yet what state the connection is in.
    """
    happening = _happening(known, event)
    state = _ARRIVALS.get(happening) if known is None else _state(known, event, happening)
    if state is None:
        return known
    before = known or Projected(id=event.connection_id, state=state, generation=event.generation)
    changes: dict[str, Any] = {"state": state, "generation": max(before.generation, event.generation)}
    if isinstance(event, WishEvent):
        changes["wish"] = event.wish
    effect = _EFFECTS.get(happening)
    return before.model_copy(update=changes | (effect(before, event) if effect else {}))


def _state(known: Projected, event: ConnectionEvent, happening: str) -> State | None:
    """The state that follows; None when the event changes nothing."""
    if event.generation < _oldest_welcome(known, happening):
        return None
    state = after(known.state, happening)
    if event.generation > known.generation:
        return state or _ARRIVALS.get(happening)
    if happening in _BEGINNING and state is not known.state and known.state is not State.PENDING_APPROVAL:
        return None
    return state


def _oldest_welcome(known: Projected, happening: str) -> int:
    if not known.established_generation or happening not in WATCHING:
        return known.generation
    # The monitor's last word counts, of whichever generation: it is not said again while it holds.
    return 0 if happening == "health_changed" else known.established_generation


def _happening(known: Projected | None, event: ConnectionEvent) -> str:
    """The event's verb, or ``reverted`` when an earlier generation stands as it was."""
    if isinstance(event, events.ConnectionFailed) and event.reverted:
        return "reverted"
    if isinstance(event, events.ConnectionRejected) and known is not None and known.established_generation:
        return "reverted"
    return event.happening()


Changes = dict[str, Any]


def _nothing_there() -> Changes:
    return {
        "details": {},
        "health": Health.UNKNOWN,
        "health_reasons": (),
        "established_generation": 0,
        "drifted": False,
    }


def _approval_requested(_known: Projected, _event: events.ConnectionApprovalRequested) -> Changes:
    return {"reasons": ()}


def _requested(_known: Projected, _event: events.ConnectionRequested) -> Changes:
    return {"reasons": (), "drifted": False}


def _refused(known: Projected, event: events.ConnectionRefused) -> Changes:
    if known.state is State.ESTABLISHED:
        return {}
    return {"reasons": (f"{event.refused_by} refused: {event.reason}",)}


def _evaluated(_known: Projected, event: events.ConnectionEvaluated) -> Changes:
    return {"ctype": event.ctype, "reasons": ()}


def _rejected(_known: Projected, event: events.ConnectionRejected) -> Changes:
    return {"reasons": event.reasons}


def _stopped(_known: Projected, event: events.ConnectionPathRefused | events.ConnectionDelayed) -> Changes:
    return {"reasons": (event.reason,)}


def _planned(_known: Projected, event: events.ConnectionPlanned) -> Changes:
    return {"ctype": event.ctype}


def _established(_known: Projected, event: events.ConnectionEstablished) -> Changes:
    return {
        "ctype": event.ctype,
        "details": event.details,
        "adopted": event.adopted,
        "established_generation": event.generation,
        "drifted": False,
        "reasons": (),
    }


def _failed(_known: Projected, event: events.ConnectionFailed) -> Changes:
    return _nothing_there() | {"reasons": (event.reason,), "adopted": False}


def _reverted(_known: Projected, event: events.ConnectionFailed | events.ConnectionRejected) -> Changes:
    if not isinstance(event, events.ConnectionFailed):
        return {"reasons": event.reasons}
    return {"reasons": (event.reason,)} | ({"ctype": event.stands} if event.stands else {})


def _drifted(_known: Projected, _event: events.ConnectionDrifted) -> Changes:
    return {"drifted": True}


def _repaired(known: Projected, event: events.ConnectionRepaired) -> Changes:
    return {"drifted": False, "details": known.details | event.details}


def _health_changed(_known: Projected, event: events.ConnectionHealthChanged) -> Changes:
    return {"health": event.health, "health_reasons": event.reasons}


def _deleted(_known: Projected, _event: events.ConnectionDeleted) -> Changes:
    return _nothing_there()


_EFFECTS: dict[str, Callable[[Projected, Any], Changes]] = {
    "approval_requested": _approval_requested,
    "requested": _requested,
    "refused": _refused,
    "evaluated": _evaluated,
    "rejected": _rejected,
    "path_refused": _stopped,
    "delayed": _stopped,
    "planned": _planned,
    "established": _established,
    "failed": _failed,
    "reverted": _reverted,
    "drifted": _drifted,
    "repaired": _repaired,
    "health_changed": _health_changed,
    "deleted": _deleted,
}
"""What a happening changes beside the state."""
