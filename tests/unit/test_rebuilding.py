"""The monitor's read model, folded again: whole, or from where the topic begins."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_api.connections.retold import begins
from onenet_common.envelope import Message
from onenet_monitor.rebuilding import Rebuilding
from onenet_monitor.standings import Standing
from tests.unit.api_lives import MOVES, Moment, moments
from tests.unit.api_values import BOTH, LENA

MOMENTS = st.builds(moments, st.sampled_from([LENA, BOTH]), st.lists(MOVES, max_size=20))


def told(life: list[Moment]) -> list[Message]:
    return [one for moment in life for one in moment.messages]


def rebuilt(messages: list[Message], stored: Standing | None = None, had: int = 0) -> Standing | None:
    """The standing after these messages.

    Args:
        had: how many of them are in what is stored.
    """
    rebuilding = Rebuilding()
    ids = rebuilding.strangers(messages)
    rebuilding.go_on(ids, dict.fromkeys(ids, stored) if stored else {}, {})
    for place, message in enumerate(messages):
        rebuilding.take(message, had=place < had)
    return next(iter(rebuilding.standings.values()), None)


@settings(max_examples=150)
@given(MOMENTS)
def test_a_standing_is_where_the_api_has_the_connection(life: list[Moment]) -> None:
    standing = rebuilt(told(life))
    assert standing is not None
    assert (standing.state, standing.generation) == (life[-1].row.state, life[-1].row.generation)


@settings(max_examples=150)
@given(MOMENTS, st.data())
def test_an_older_standing_is_brought_up_to_date_by_the_end_of_the_topic(
    life: list[Moment], data: st.DataObject
) -> None:
    messages = told(life)
    older = data.draw(st.integers(1, len(messages)), label="messages that the backup knows")
    lost = data.draw(st.integers(1, older), label="messages that the topic has lost")
    stored = rebuilt(messages[:older])
    assert stored is not None
    if messages[lost:] and begins(messages[lost]):
        return  # An agreed wish, or one for other terms, looks like the beginning of a life.
    assert (rebuilt(messages[lost:], stored, older - lost) or stored) == rebuilt(messages)


@settings(max_examples=150)
@given(MOMENTS, st.data())
def test_what_the_broker_delivers_again_changes_nothing(life: list[Moment], data: st.DataObject) -> None:
    messages = told(life)
    first = data.draw(st.integers(0, len(messages) - 1))
    last = data.draw(st.integers(first, len(messages)))
    assert rebuilt(messages[:last] + messages[first:]) == rebuilt(messages)
