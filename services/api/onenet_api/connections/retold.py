"""A connection as the topic tells of it from its first wish on: pure.

What other services say is folded as ever. What we said ourselves took effect when we said it; here
it takes effect again, for a row that has lost it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from onenet_api.connections import terms
from onenet_api.connections.decisions import RENEWED
from onenet_api.connections.fold import fold
from onenet_api.connections.model import (
    Connection,
    Consent,
    Flag,
    because,
    with_flag,
    without_flags,
)
from onenet_common import events
from onenet_common.connection import Wish
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent
from onenet_common.states import DesiredState, State, after

OURS = "onenet-api"
"""The producer of our events, and the actor of those that no user has caused."""

_STARTS = {"approval_requested": State.PENDING_APPROVAL, "requested": State.REQUESTED}
_REPEATED = frozenset({"requested", "deletion_requested"})

Changes = dict[str, Any]


def is_repeated(message: Message) -> bool:
    """Whether it is a wish that was published again because it made no progress."""
    return message.actor == OURS and message.event.happening() in _REPEATED


def begins(message: Message) -> bool:
    """Whether a connection's life begins with this, when nothing comes before it."""
    event = message.event
    if not isinstance(event, events.ConnectionApprovalRequested | events.ConnectionRequested):
        return False
    return event.generation == 1 and not is_repeated(message)


def retold(known: Connection | None, message: Message) -> Connection | None:
    """The connection after one event of it.

    Args:
        known: the connection before; None before its first wish.

    Returns:
        ``known`` itself when the event changes nothing.
    """
    event = message.event
    if not isinstance(event, ConnectionEvent):
        return known
    if known is None:
        if not begins(message) or not isinstance(event, events.WishEvent):
            return None
        known = _unborn(event.wish, message)
    if event.producer != OURS:
        return fold(known, message).connection
    return _ours(known, event, message)


def _unborn(wish: Wish, message: Message) -> Connection:
    """The connection just before its first wish."""
    return Connection(
        id=wish.id,
        name=wish.name,
        resource_left=wish.left.id,
        resource_right=wish.right.id,
        service_left=wish.left.service,
        service_right=wish.right.service,
        left=wish.left,
        right=wish.right,
        state=State.PENDING_APPROVAL,
        desired_state=wish.desired_state,
        dry_run=wish.desired_state is DesiredState.PLANNED,
        terms="",
        requested_by=message.actor,
        published_at=message.time,
        created_at=message.time,
        updated_at=message.time,
        version=0,
    )


def _ours(known: Connection, event: ConnectionEvent, message: Message) -> Connection:
    happening = event.happening()
    state = after(known.state, happening)
    if event.generation > known.generation:
        state = state or _STARTS.get(happening)
    elif is_repeated(message) or event.generation < known.generation:
        return known
    if state is None or _begun(known, event, state):
        return known
    changes: Changes = {
        "state": state,
        "generation": event.generation,
        "version": known.version + 1,
        "updated_at": message.time,
        "published_at": message.time,
        "attempts": 0,
    }
    return known.but(**changes | _EFFECTS[happening](known, event, message))


def _begun(known: Connection, event: ConnectionEvent, state: State) -> bool:
    """A generation begins once; another wish of it is late news."""
    again = event.happening() in _STARTS and event.generation == known.generation
    return again and state is not known.state and known.state is not State.PENDING_APPROVAL


def _wanted(wish: Wish, message: Message) -> Changes:
    return {
        "name": wish.name,
        "left": wish.left,
        "right": wish.right,
        "l4filters": wish.l4filters,
        "requirements": wish.requirements,
        "requested_ctype": wish.ctype,
        "adopt": wish.adopt,
        "connected_by": wish.connected_by,
        "desired_state": wish.desired_state,
        "dry_run": wish.desired_state is DesiredState.PLANNED,
        "terms": terms.digest(wish.left, wish.right, wish.l4filters),
        "trace_id": message.trace_id,
        "traceparent": message.trace.get("traceparent", ""),
    }


def _approval_requested(
    known: Connection, event: events.ConnectionApprovalRequested, message: Message
) -> Changes:
    wanted = _wanted(event.wish, message)
    by_a_user = message.actor != OURS
    # A network that changed asks those who had agreed to its old addresses; a user's wish for
    # other terms asks everybody but himself.
    stands = wanted["terms"] == known.terms or not by_a_user
    given = tuple(one for one in known.given if stands and one.service not in event.services)
    if by_a_user:
        given = _agreed(known, given, event.services, message)
    asked: Changes = {"needed_from": event.services, "given": given}
    return wanted | asked | (because() if by_a_user else {})


def _requested(known: Connection, event: events.ConnectionRequested, message: Message) -> Changes:
    wanted = _wanted(event.wish, message)
    given = known.given if wanted["terms"] == known.terms else ()
    return wanted | {
        "needed_from": (),
        "given": _agreed(known, given, (), message),
        "flags": without_flags(known.flags, *RENEWED),
        "evaluation": (),
        "plan": (),
        "refused_paths": event.wish.refused_paths,
        **because(),
    }


def _approved(known: Connection, event: events.ConnectionApproved, message: Message) -> Changes:
    """Who asks owns one of two sides, so that one consent at most is awaited."""
    return {"needed_from": (), "given": _agreed(known, known.given, (), message)}


def _refused(known: Connection, event: events.ConnectionRefused, message: Message) -> Changes:
    words = f"{event.refused_by} refused: {event.reason}"
    if known.state is not State.ESTABLISHED:
        return because(words)
    return {"flags": with_flag(known.flags, Flag(code="consent_refused", message=words, at=message.time))}


def _deletion_requested(
    _known: Connection, _event: events.ConnectionDeletionRequested, message: Message
) -> Changes:
    return {
        "desired_state": DesiredState.DELETED,
        "needed_from": (),
        "trace_id": message.trace_id,
        "traceparent": message.trace.get("traceparent", ""),
    }


def _agreed(
    known: Connection, given: tuple[Consent, ...], needed: tuple[UUID, ...], message: Message
) -> tuple[Consent, ...]:
    """With the actor's consent for the sides that nobody else is asked for."""
    already = {consent.service for consent in given} | set(needed)
    fresh = (
        Consent(service=service, by=message.actor, at=message.time)
        for service in known.services
        if service not in already
    )
    return (*given, *fresh)


_EFFECTS: dict[str, Callable[[Connection, Any, Message], Changes]] = {
    "approval_requested": _approval_requested,
    "requested": _requested,
    "approved": _approved,
    "refused": _refused,
    "deletion_requested": _deletion_requested,
}
"""What our events change beside state and generation."""
