"""A subscriber that has the topic alone arrives at what the API shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

import pytest
from hypothesis import given, settings
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
from onenet_common.projection import Projected, rebuild
from onenet_common.states import DesiredState, Health, State
from tests.unit.api_values import BEGINNING, BOTH, LEFT, LENA, RAVI, RIGHT, connection, message

PEERING = CType.AWS_PEERING
STEP = Step(action="create_route", side=Side.LEFT, target="rtb-1 10.2.0.0/16")


def published_again(stuck: Connection) -> tuple[ConnectionEvent, ...]:
    event = again(stuck)
    assert isinstance(event, ConnectionEvent)
    return (event,) if stuck.state in (State.REQUESTED, State.PROVISIONING, State.DELETING) else ()


DECISIONS: dict[str, Callable[[Connection], decisions.Decided]] = {
    "approve": lambda c: decisions.approve(c, RAVI, c.terms),
    "refuse": lambda c: decisions.refuse(c, RAVI, "no"),
    "retry": lambda c: decisions.retry(c, BOTH, (LEFT, RIGHT), None),
    "retry as a dry run": lambda c: decisions.retry(c, BOTH, (LEFT, RIGHT), DesiredState.PLANNED),
    "retry alone": lambda c: decisions.retry(c.but(given=()), LENA, (LEFT, RIGHT), None),
    "delete": lambda c: decisions.delete(c, LENA),
    "publish again": lambda c: decisions.Decided(c, published_again(c)),
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


def lived(beginner: decisions.Caller, moves: Sequence[tuple[str, int]]) -> tuple[Connection, list[Message]]:
    """A connection after a life, and the topic that tells of it.

    Args:
        moves: decisions and answers by name; an answer speaks of a generation that many ago.
    """
    fresh = connection(State.PENDING_APPROVAL, given=(), needed_from=())
    decided = decisions.begin(fresh, beginner)
    row, topic = decided.connection, [message(event) for event in decided.events]
    for minutes, (name, age) in enumerate(moves, start=2):
        if name in DECISIONS:
            try:
                decided = DECISIONS[name](row)
            except Problem:
                continue
            row = decided.connection
            topic += [message(event, minutes=minutes) for event in decided.events]
        elif row.generation > age:
            topic.append(message(ANSWERS[name](row, row.generation - age), minutes=minutes))
            row = fold_row(row, topic[-1]).connection
    return row, topic


def as_the_api_shows(row: Connection) -> dict[str, object]:
    shared = set(Projected.model_fields) - {"wish", "drifted"}
    return row.model_dump(include=shared) | {"drifted": any(flag.code == "drifted" for flag in row.flags)}


def as_projected(topic: Sequence[Message], row: Connection) -> dict[str, object]:
    return rebuild(topic)[row.id].model_dump(exclude={"wish"})


@settings(max_examples=300)
@given(st.sampled_from([LENA, BOTH]), st.lists(MOVES, max_size=30))
def test_every_life_is_rebuilt_as_the_api_shows_it(
    beginner: decisions.Caller, moves: list[tuple[str, int]]
) -> None:
    row, topic = lived(beginner, moves)
    assert as_projected(topic, row) == as_the_api_shows(row)


@settings(max_examples=300)
@given(st.lists(MOVES, max_size=20), st.data())
def test_what_the_broker_delivers_again_changes_nothing(
    moves: list[tuple[str, int]], data: st.DataObject
) -> None:
    row, topic = lived(BOTH, moves)
    first = data.draw(st.integers(0, len(topic) - 1))
    last = data.draw(st.integers(first, len(topic)))
    assert as_projected(topic[:last] + topic[first:], row) == as_the_api_shows(row)


def test_a_wish_that_is_published_again_does_not_take_down_what_is_established() -> None:
    row, topic = lived(BOTH, [("evaluated", 0), ("established", 0)])
    late = events.ConnectionRequested(connection_id=row.id, generation=row.generation, wish=row.wish)
    assert as_projected([*topic, message(late)], row) == as_the_api_shows(row)


def test_a_late_result_does_not_bring_back_what_is_being_deleted() -> None:
    row, topic = lived(BOTH, [("evaluated", 0), ("delete", 0), ("established", 1), ("deleted", 0)])
    assert row.state is State.DELETED
    assert as_projected(topic, row) == as_the_api_shows(row)


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        (["evaluated", "established", "drifted", "health_changed"], State.ESTABLISHED),
        (["evaluated", "established", "delete", "deleted"], State.DELETED),
        (["rejected"], State.REJECTED),
        (["evaluated", "planned"], State.PLANNED),
    ],
)
def test_a_topic_without_its_beginning_still_tells_the_state(moves: list[str], state: State) -> None:
    row, topic = lived(BOTH, [(name, 0) for name in moves])
    rebuilt = rebuild(topic[-1:])[row.id]
    assert (rebuilt.state, rebuilt.generation) == (state, row.generation)


def test_what_leaves_the_state_open_is_not_guessed() -> None:
    open_ = events.ConnectionDelayed(connection_id=uuid4(), generation=1, code="throttled", reason="slow")
    assert rebuild([message(open_)]) == {}
