"""How events of other services change a connection: pure, and total over every sequence.

An event is *history* when it speaks of an older generation, *refused* when the table of
transitions does not allow it here, and otherwise *applied*. Our own events change nothing: their
effect was written in the transaction that published them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from onenet_api.connections.disclosure import Sight
from onenet_api.connections.model import Connection, Flag, because, with_flag, without_flags
from onenet_api.connections.timeline import drift
from onenet_common import events
from onenet_common.connection import RefusedPath, Side
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent
from onenet_common.states import Health, after

WATCHING = frozenset({"drifted", "repaired", "health_changed"})
"""Happenings of what was established earlier; they may lag behind a newer wish that came to nothing."""


NOTHING_THERE: dict[str, Any] = {
    "details": {},
    "health": Health.UNKNOWN,
    "health_reasons": (),
    "established_generation": 0,
}
"""What is left to say of a path that does not exist."""


class Verdict(StrEnum):
    APPLIED = "applied"
    OWN = "own"
    HISTORY = "history"
    REFUSED = "refused"


class Folded(NamedTuple):
    connection: Connection
    verdict: Verdict


Changes = dict[str, Any]
Unsuccessful = (
    events.ConnectionRejected
    | events.ConnectionPathRefused
    | events.ConnectionFailed
    | events.ConnectionDelayed
)


def fold(connection: Connection, message: Message) -> Folded:
    """The connection after one event.

    Args:
        message: an event of this connection; its time becomes the connection's ``updated_at``.
    """
    event = message.event
    if not isinstance(event, ConnectionEvent) or event.producer == "onenet-api":
        return Folded(connection, Verdict.OWN)
    happening = _happening(connection, event)
    if event.generation < _oldest_welcome(connection, happening):
        return Folded(connection, Verdict.HISTORY)
    state = after(connection.state, happening)
    if state is None or event.generation > connection.generation:
        return Folded(connection, Verdict.REFUSED)
    changes: Changes = {
        "state": state,
        "version": connection.version + 1,
        "updated_at": max(connection.updated_at, message.time),
    }
    if state is not connection.state:
        changes |= {"published_at": message.time, "attempts": 0}
    return Folded(
        connection.but(**changes | EFFECTS[happening](connection, event, message.time)), Verdict.APPLIED
    )


def _happening(connection: Connection, event: ConnectionEvent) -> str:
    """The event's verb, or ``reverted`` when an earlier generation stands as it was."""
    if isinstance(event, events.ConnectionFailed) and event.reverted:
        return "reverted"
    if isinstance(event, events.ConnectionRejected) and connection.established_generation:
        return "reverted"
    return event.happening()


def _oldest_welcome(connection: Connection, happening: str) -> int:
    if not connection.established_generation or happening not in WATCHING:
        return connection.generation
    # The monitor's last word counts, of whichever generation: it is not said again while it holds.
    return 0 if happening == "health_changed" else connection.established_generation


def _why(event: Unsuccessful) -> Changes:
    """Why it came to nothing or takes long, and who may read that."""
    if isinstance(event, events.ConnectionRejected):
        return because(*event.reasons, told=event.told)
    return because(event.reason, told={side: (words,) for side, words in event.told.items()})


def _evaluated(_connection: Connection, event: events.ConnectionEvaluated, _at: datetime) -> Changes:
    return {"ctype": event.ctype, "evaluation": event.alternatives, **because()}


def _rejected(_connection: Connection, event: events.ConnectionRejected, _at: datetime) -> Changes:
    return {"evaluation": event.alternatives, **_why(event)}


def _path_refused(connection: Connection, event: events.ConnectionPathRefused, _at: datetime) -> Changes:
    refused = RefusedPath(ctype=event.ctype, reason=event.reason, told=event.told)
    others = tuple(path for path in connection.refused_paths if path.ctype is not event.ctype)
    return {"refused_paths": (*others, refused), **_why(event)}


def _planned(_connection: Connection, event: events.ConnectionPlanned, _at: datetime) -> Changes:
    return {"ctype": event.ctype, "plan": event.steps}


def _established(connection: Connection, event: events.ConnectionEstablished, _at: datetime) -> Changes:
    return {
        "ctype": event.ctype,
        "details": event.details,
        "adopted": event.adopted,
        "established_generation": event.generation,
        "flags": without_flags(connection.flags, "change_failed", "drifted"),
        **because(),
    }


def _failed(_connection: Connection, event: events.ConnectionFailed, _at: datetime) -> Changes:
    return NOTHING_THERE | {"adopted": False, **_why(event)}


def _reverted(
    connection: Connection, event: events.ConnectionFailed | events.ConnectionRejected, at: datetime
) -> Changes:
    why = _why(event)
    told = {side: _nothing_came_of_it(reasons) for side, reasons in why["reasons_told"].items()}
    flag = Flag(code="change_failed", message=_nothing_came_of_it(why["reasons"]), at=at, told=told)
    stands = event.stands if isinstance(event, events.ConnectionFailed) else None
    return why | {"flags": with_flag(connection.flags, flag), "ctype": stands or connection.ctype}


def _nothing_came_of_it(reasons: tuple[str, ...]) -> str:
    return f"the change came to nothing, what stood before stands: {'; '.join(reasons)}"


def _delayed(_connection: Connection, event: events.ConnectionDelayed, _at: datetime) -> Changes:
    return _why(event)


def _drifted(connection: Connection, event: events.ConnectionDrifted, at: datetime) -> Changes:
    told = {side: drift(Sight(frozenset({side})).steps(event.differences)) for side in Side}
    flag = Flag(code="drifted", message=drift(event.differences), at=at, told=told)
    return {"flags": with_flag(connection.flags, flag)}


def _repaired(connection: Connection, event: events.ConnectionRepaired, _at: datetime) -> Changes:
    return {
        "details": connection.details | event.details,
        "flags": without_flags(connection.flags, "drifted"),
    }


def _health_changed(_connection: Connection, event: events.ConnectionHealthChanged, _at: datetime) -> Changes:
    return {"health": event.health, "health_reasons": event.reasons}


def _deleted(_connection: Connection, _event: events.ConnectionDeleted, _at: datetime) -> Changes:
    return NOTHING_THERE | {"flags": ()}


EFFECTS: dict[str, Callable[[Connection, Any, datetime], Changes]] = {
    "evaluated": _evaluated,
    "rejected": _rejected,
    "path_refused": _path_refused,
    "planned": _planned,
    "established": _established,
    "failed": _failed,
    "reverted": _reverted,
    "delayed": _delayed,
    "drifted": _drifted,
    "repaired": _repaired,
    "health_changed": _health_changed,
    "deleted": _deleted,
}
"""What a happening changes beside the state."""
