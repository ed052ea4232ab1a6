"""A subscriber that has the topic alone arrives at what the API shows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_api.connections import decisions
from onenet_api.connections.model import Connection
from onenet_common import events
from onenet_common.envelope import Message
from onenet_common.projection import Projected, rebuild
from onenet_common.states import State
from tests.unit.api_lives import MOVES, lived
from tests.unit.api_values import BOTH, LENA, message


def as_the_api_shows(row: Connection) -> dict[str, object]:
    shared = set(Projected.model_fields) - {"wish", "drifted"}
    return row.model_dump(include=shared) | {"drifted": any(flag.code == "drifted" for flag in row.flags)}


def as_projected(topic: Sequence[Message], row: Connection) -> dict[str, object]:
    return rebuild(topic)[row.id].model_dump(exclude={"wish"})


@settings(max_examples=150)
@given(st.sampled_from([LENA, BOTH]), st.lists(MOVES, max_size=30))
def test_every_life_is_rebuilt_as_the_api_shows_it(
    beginner: decisions.Caller, moves: list[tuple[str, int]]
) -> None:
    row, topic = lived(beginner, moves)
    assert as_projected(topic, row) == as_the_api_shows(row)


@settings(max_examples=150)
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
