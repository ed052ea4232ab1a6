"""What a replay makes of connections: pure. Their lives as the topic tells them, compared with their rows.

A row leads in what it alone knows, the topic in what came of it. Of our own events, the timeline
tells which took effect in this database: they are written together. One that is not on it was lost
with a newer database, and takes effect again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from onenet_api.connections.model import Connection, Flag
from onenet_api.connections.retold import OURS, begins, is_repeated, retold
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent
from onenet_common.states import State

PROJECTED = (
    "state",
    "health",
    "health_reasons",
    "ctype",
    "adopted",
    "details",
    "evaluation",
    "reasons",
    "reasons_told",
    "plan",
    "refused_paths",
    "established_generation",
)
"""What other services say of a connection; ``FLAGS`` beside."""
FLAGS = frozenset({"change_failed", "drifted", "consent_refused"})
"""Flags that events raise; others come of what is known of the networks."""


@dataclass
class Life:
    """One connection as far as it is told.

    Args:
        whole: it is told from its beginning; otherwise from its row on.
        lost: a decision took effect here that this database does not know.
        newest: the newest generation that anybody spoke of.
        told: the ids of its events.
        missing: events that are not on the timeline.
    """

    connection: Connection | None = None
    whole: bool = False
    lost: bool = False
    newest: int = 0
    told: set[UUID] = field(default_factory=set)
    missing: list[Message] = field(default_factory=list)

    def take(self, message: Message, *, on_timeline: bool) -> None:
        """Fold one event; one that comes twice counts once."""
        if message.id in self.told:
            return
        # Without its predecessors, an agreed wish does not tell who has agreed.
        self.whole |= not self.told and begins(message)
        self.told.add(message.id)
        if isinstance(message.event, ConnectionEvent):
            self.newest = max(self.newest, message.event.generation)
        if on_timeline and self.connection is not None and not self.whole:
            return  # the row, from which this goes on, has had it
        before = self.connection
        self.connection = retold(before, message)
        if on_timeline:
            return
        self.lost |= message.event.producer == OURS and self.connection is not before
        if not is_repeated(message):
            self.missing.append(message)


class Lives:
    """Connections by their ids, events taken in the order of their partitions."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Life] = {}

    def without_beginning(self, messages: Iterable[Message]) -> set[UUID]:
        """Connections met here in the middle of their lives: ``go_on`` is due before they are taken."""
        first: dict[UUID, Message] = {}
        for message in messages:
            first.setdefault(_connection_of(message), message)
        return {one for one, message in first.items() if one not in self.by_id and not begins(message)}

    def go_on(self, rows: Mapping[UUID, Connection]) -> None:
        self.by_id |= {one: Life(row) for one, row in rows.items()}

    def take(self, messages: Iterable[Message], timeline: Set[UUID]) -> None:
        """Fold events.

        Args:
            timeline: which of them are on the timeline.
        """
        for message in messages:
            life = self.by_id.setdefault(_connection_of(message), Life())
            life.take(message, on_timeline=message.id in timeline)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be done about a connection.

    Args:
        connection: the row to be written; None when it is as it should be.
        left: why the row is left as it is.
        hand_on: the provisioner may not know of it; the wish is to be published again.
    """

    connection: Connection | None = None
    missing: tuple[Message, ...] = ()
    left: str = ""
    hand_on: bool = False


def settle(
    row: Connection | None, life: Life, timeline: Set[UUID], services: Set[UUID], *, restored: bool
) -> Settled:
    """What follows from a row and the life that the topic tells.

    Args:
        restored: decisions that the database does not know are taken over.
        timeline: the ids of the connection's events on the timeline.
        services: those that there are.
    """
    told = life.connection
    if told is None:
        return Settled(left="not known here, and the topic has lost its beginning")
    if not life.whole and life.newest > told.generation:
        return Settled(left=f"the topic speaks of generation {life.newest}, whose wish it has lost")
    if life.lost and not restored:
        return Settled(left="decisions on it are on the topic and not here; after a restore, use --restored")
    unknown = [str(one) for one in told.services if one not in services]
    if row is None and unknown:
        return Settled(left=f"of service {unknown[0]}, which is not known here")
    if row is not None and told.generation < row.generation:
        return Settled(left="its row is of a newer generation than the topic")
    missing = tuple(life.missing)
    if row is None:
        return Settled(told.but(version=1), missing, hand_on=_must_be_known(told))
    changed = told.but(flags=_flags(row, told)) if life.lost else _with_outcome(row, told)
    if changed == row:
        return Settled(missing=missing)
    if life.whole and timeline - life.told:
        return Settled(left="its timeline tells more than the topic")
    changed = changed.but(
        created_at=row.created_at,
        version=row.version + 1,
        updated_at=max(row.updated_at, told.updated_at),
    )
    return Settled(changed, missing, hand_on=life.lost and _must_be_known(told))


def differing(row: Connection | None, settled: Settled) -> str:
    """In words, what a row lacks."""
    lacks = [f"{len(settled.missing)} events are not on its timeline"] if settled.missing else []
    changed = settled.connection
    if changed is None:
        return "; ".join(lacks)
    if row is None:
        return "; ".join([f"is not known here: {changed.state}, generation {changed.generation}", *lacks])
    names = [name for name in Connection.model_fields if name not in {"version", "updated_at"}]
    fields = [name for name in names if getattr(row, name) != getattr(changed, name)]
    state = f"is {row.state}, by the topic {changed.state}" if row.state is not changed.state else ""
    generation = f"generation {changed.generation}" if row.generation != changed.generation else ""
    return "; ".join(filter(None, [state, generation, f"differs in {', '.join(fields)}", *lacks]))


def _with_outcome(row: Connection, told: Connection) -> Connection:
    changes: dict[str, Any] = {name: getattr(told, name) for name in PROJECTED}
    changes["flags"] = _flags(row, told)
    if told.state is not row.state:
        changes |= {"published_at": told.published_at, "attempts": 0}
    return row.but(**changes)


def _flags(row: Connection, told: Connection) -> tuple[Flag, ...]:
    """The row's own flags, and those that events have raised."""
    raised = {flag.code: flag for flag in told.flags if flag.code in FLAGS}
    stored = {flag.code: flag for flag in row.flags if flag.code in FLAGS}
    if {code: it.message for code, it in raised.items()} == {code: it.message for code, it in stored.items()}:
        return row.flags
    return (*(flag for flag in row.flags if flag.code not in FLAGS), *raised.values())


def _must_be_known(told: Connection) -> bool:
    """Whether what settled it is to be done over where nobody knows of it.

    A wish that is not agreed to, or came to nothing, is never handed on.
    """
    if told.state is State.DELETED:
        return True
    stands = told.established_generation == told.generation and not told.needed_from
    return told.state is State.ESTABLISHED and stands


def _connection_of(message: Message) -> UUID:
    return UUID(message.event.key)
