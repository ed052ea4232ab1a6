"""Lives of connections, made of everything that users and other services may do, in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from onenet_api.connections import decisions
from onenet_api.connections.fold import fold as fold_row
from onenet_api.connections.model import Connection
from onenet_api.problems import Problem
from onenet_api.sweeper import again
from onenet_common import events
from onenet_common.connection import CType, Side, Step
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent
from onenet_common.states import DesiredState, Health, State
from tests.unit.api_values import BEGINNING, BOTH, LEFT, LENA, RAVI, RIGHT, connection, message

PEERING = CType.AWS_PEERING
STEP = Step(action="create_route", side=Side.LEFT, target="rtb-1 10.2.0.0/16")


def published_again(stuck: Connection) -> tuple[ConnectionEvent, ...]:
    event = again(stuck)
    assert isinstance(event, ConnectionEvent)
    return (event,) if stuck.state in (State.REQUESTED, State.PROVISIONING, State.DELETING) else ()


REPEATED = "publish again"
DECISIONS: dict[str, Callable[[Connection], decisions.Decided]] = {
    "approve": lambda c: decisions.approve(c, RAVI, c.terms),
    "refuse": lambda c: decisions.refuse(c, RAVI, "no"),
    "retry": lambda c: decisions.retry(c, BOTH, (LEFT, RIGHT), None),
    "retry as a dry run": lambda c: decisions.retry(c, BOTH, (LEFT, RIGHT), DesiredState.PLANNED),
    "retry alone": lambda c: decisions.retry(c.but(given=()), LENA, (LEFT, RIGHT), None),
    "delete": lambda c: decisions.delete(c, LENA),
    REPEATED: lambda c: decisions.Decided(c, published_again(c)),
}
ANSWERS: dict[str, Callable[[Connection, int], ConnectionEvent]] = {
    "evaluated": lambda c, g: events.ConnectionEvaluated(
        connection_id=c.id, generation=g, wish=c.wish, ctype=PEERING, alternatives=()
    ),
    "rejected": lambda c, g: events.ConnectionRejected(
        connection_id=c.id, generation=g, reasons=("overlap",)
    ),
    "path_refused": lambda c, g: events.ConnectionPathRefused(
        connection_id=c.id, generation=g, wish=c.wish, ctype=PEERING, reason="quota"
    ),
    "planned": lambda c, g: events.ConnectionPlanned(
        connection_id=c.id, generation=g, ctype=PEERING, steps=(STEP,)
    ),
    "established": lambda c, g: events.ConnectionEstablished(
        connection_id=c.id, generation=g, ctype=PEERING, details={"peering_id": f"pcx-{g}"}
    ),
    "failed": lambda c, g: events.ConnectionFailed(
        connection_id=c.id, generation=g, ctype=PEERING, code="denied", reason="denied"
    ),
    "reverted": lambda c, g: events.ConnectionFailed(
        connection_id=c.id, generation=g, ctype=PEERING, code="denied", reason="denied", reverted=True
    ),
    "delayed": lambda c, g: events.ConnectionDelayed(
        connection_id=c.id, generation=g, code="throttled", reason="slow"
    ),
    "drifted": lambda c, g: events.ConnectionDrifted(connection_id=c.id, generation=g, differences=(STEP,)),
    "repaired": lambda c, g: events.ConnectionRepaired(
        connection_id=c.id, generation=g, details={"peering_id": "pcx-new"}
    ),
    "health_changed": lambda c, g: events.ConnectionHealthChanged(
        connection_id=c.id, generation=g, health=Health.UP, previous=Health.UNKNOWN, at=BEGINNING
    ),
    "deleted": lambda c, g: events.ConnectionDeleted(connection_id=c.id, generation=g),
}
MOVES = st.one_of(
    st.tuples(st.sampled_from(sorted(DECISIONS)), st.just(0)),
    st.tuples(st.sampled_from(sorted(ANSWERS)), st.integers(0, 2)),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A row, and the messages that have come on the topic since the moment before."""

    row: Connection
    messages: tuple[Message, ...]


def moments(beginner: decisions.Caller, moves: Sequence[tuple[str, int]]) -> list[Moment]:
    """A connection's life.

    Args:
        moves: decisions and answers by name; an answer speaks of a generation that many ago.
    """
    fresh = connection(State.PENDING_APPROVAL, given=(), needed_from=())
    decided = decisions.begin(fresh, beginner)
    row = decided.connection
    life = [Moment(row, tuple(message(event) for event in decided.events))]
    for minutes, (name, age) in enumerate(moves, start=2):
        if name in DECISIONS:
            try:
                decided = DECISIONS[name](row)
            except Problem:
                continue
            row = decided.connection
            actor = "onenet-api" if name == REPEATED else "somebody"
            said = [replace(message(event, minutes=minutes), actor=actor) for event in decided.events]
            life.append(Moment(row, tuple(said)))
        elif row.generation > age:
            answer = message(ANSWERS[name](row, row.generation - age), minutes=minutes)
            row = fold_row(row, answer).connection
            life.append(Moment(row, (answer,)))
    return life


def lived(beginner: decisions.Caller, moves: Sequence[tuple[str, int]]) -> tuple[Connection, list[Message]]:
    """A connection after a life, and the topic that tells of it."""
    life = moments(beginner, moves)
    return life[-1].row, [one for moment in life for one in moment.messages]
