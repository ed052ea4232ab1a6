"""Where streams begin: ids that lead back to the same place, and what becomes of places that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onenet_api.events import positions, starting
from onenet_api.events.disclosure import ConnectionNamed, EventView
from onenet_api.events.facts import TYPES
from onenet_api.events.feed import Listener
from onenet_api.events.views import EventQuery
from onenet_common.states import Health, State

OFFSETS = st.lists(st.integers(0, 2**60), max_size=20)


@given(st.tuples(*[OFFSETS] * len(positions.TOPICS)))
def test_an_id_leads_back_to_the_same_place(offsets: Sequence[Sequence[int]]) -> None:
    place = {
        (topic, number): offset
        for topic, of_topic in zip(positions.TOPICS, offsets, strict=True)
        for number, offset in enumerate(of_topic)
    }
    assert positions.decode(positions.encode(place)) == place


def test_an_id_from_before_there_were_findings_leads_back_to_where_it_was() -> None:
    assert positions.decode("AQIHAwEF9r5iSA") == {
        ("onenet.connections", 0): 7,
        ("onenet.connections", 1): 3,
        ("onenet.inventory", 0): 5,
    }


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.hex()))
def test_what_is_no_id_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        positions.decode(text)


@given(st.integers(0, 60), st.sampled_from("ABCxyz019-_"))
def test_a_mangled_id_is_refused_or_was_not_changed(place: int, character: str) -> None:
    whole = positions.encode(
        {(topic, number): 300 * number for topic in positions.TOPICS for number in range(8)}
    )
    mangled = whole[:place] + character + whole[place + 1 :]
    if mangled[: len(whole)] != whole:
        with pytest.raises(ValueError, match=r".*"):
            positions.decode(mangled)


FIRST, SECOND = TopicPartition("onenet.connections", 0), TopicPartition("onenet.connections", 1)


@pytest.mark.parametrize(
    ("asked", "start", "gap"),
    [
        ({("onenet.connections", 0): 7, ("onenet.connections", 1): 3}, {FIRST: 7, SECOND: 3}, False),
        ({("onenet.connections", 0): 7}, {FIRST: 7, SECOND: 0}, False),
        ({("onenet.connections", 0): 2, ("onenet.connections", 1): 3}, {FIRST: 5, SECOND: 3}, True),
        ({("onenet.connections", 0): 99, ("onenet.connections", 1): 9}, {FIRST: 5, SECOND: 9}, True),
    ],
    ids=["kept", "a partition more", "deleted since", "the topic was made anew"],
)
def test_a_stream_resumes_where_it_broke_off_or_says_what_is_missing(
    asked: positions.Positions, start: starting.Offsets, gap: bool
) -> None:
    resumed = starting.resumed(asked, {FIRST: 5, SECOND: 0}, {FIRST: 10, SECOND: 9})
    assert resumed == starting.Start(start, gap)


def event(**fields: object) -> EventView:
    ids = {name: uuid4() for name in ConnectionNamed.model_fields if name != "name"}
    named = ConnectionNamed(name="a to b", **ids)
    known = {"type": TYPES[0], "connection": named, "service": None, "state": None, "health": None}
    known |= {"services": [], "data": {}}
    return EventView.model_construct(**{**known, **fields})  # type: ignore[arg-type]  # for a test


def test_a_filter_lets_through_what_it_names_and_nothing_else() -> None:
    one = event(state=State.FAILED)
    assert one.connection is not None
    assert EventQuery().wants(one)
    assert EventQuery(connection=one.connection.id).wants(one)
    assert not EventQuery(connection=uuid4()).wants(one)
    assert EventQuery(service=one.connection.service_right).wants(one)
    assert not EventQuery(service=uuid4()).wants(one)
    assert EventQuery(state=[State.FAILED], health=[Health.DOWN]).wants(one)
    assert EventQuery(state=[State.FAILED], health=[Health.DOWN]).wants(event(health=Health.DOWN))
    assert not EventQuery(state=[State.ESTABLISHED]).wants(one)
    assert not EventQuery(health=[Health.DOWN]).wants(event())
    assert EventQuery(type=["connection.requested"]).wants(one)
    assert not EventQuery(type=["connection.deleted"]).wants(one)
    with pytest.raises(ValidationError, match="there is no event of type"):
        EventQuery(type=["connection.exploded"])


def test_a_finding_is_found_by_its_connection_and_by_the_owners_of_its_networks() -> None:
    one, other, connection = uuid4(), uuid4(), uuid4()
    finding = event(connection=None, services=[one, other], data={"connection_id": str(connection)})
    assert EventQuery(connection=connection).wants(finding)
    assert not EventQuery(connection=uuid4()).wants(finding)
    assert EventQuery(service=other).wants(finding)
    assert not EventQuery(service=uuid4()).wants(finding)
    assert not EventQuery(connection=connection).wants(event(connection=None))


async def test_who_is_too_slow_gets_what_waits_and_then_the_end() -> None:
    listener = Listener(2)
    heard: list[Any] = [object() for _ in range(4)]
    for one in heard:
        listener.offer(one)
    assert list(await listener.next(0.01)) == heard[:2]
    assert listener.ended == "too_slow"
    assert await listener.next(60) == ()
