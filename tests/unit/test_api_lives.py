"""What a replay makes of a connection: what the row would be, had nothing been lost."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_api.connections.lives import Life, Lives, Settled, settle
from onenet_api.connections.model import Connection
from onenet_api.connections.retold import begins, is_repeated
from onenet_common.envelope import Message
from onenet_common.states import DesiredState, Health, State
from tests.unit.api_lives import MOVES, Moment, lived, moments
from tests.unit.api_values import BOTH, LEFT_SERVICE, LENA, RIGHT_SERVICE

SERVICES = frozenset({LEFT_SERVICE, RIGHT_SERVICE})
MOMENTS = st.builds(moments, st.sampled_from([LENA, BOTH]), st.lists(MOVES, max_size=20))
NEVER_COMPARED = {"version", "updated_at", "published_at", "attempts", "created_at", "requested_by"}
"""When and how often it was written, and by whose name messages of these tests are sent."""


def told(life: Sequence[Moment]) -> list[Message]:
    return [one for moment in life for one in moment.messages]


def timeline(life: Sequence[Moment]) -> set[Any]:
    return {one.id for one in told(life) if not is_repeated(one)}


def replayed(row: Connection | None, topic: Sequence[Message], known: set[Any]) -> Settled:
    """What is made of a row whose timeline has these events."""
    lives = Lives()
    [id_] = {one.event.key for one in topic}
    if lives.without_beginning(topic) and row is not None:
        lives.go_on({row.id: row})
    lives.take(topic, known)
    assert str(next(iter(lives.by_id))) == id_
    return settle(row, next(iter(lives.by_id.values())), known, SERVICES, restored=True)


def meant(row: Connection) -> dict[str, Any]:
    """All that is said of a connection, apart from when and in whose words."""
    fields = row.model_dump(exclude=NEVER_COMPARED | {"flags", "given"})
    flags = {(flag.code, flag.message) for flag in row.flags}
    return fields | {"flags": flags, "given": {consent.service for consent in row.given}}


@settings(max_examples=150)
@given(MOMENTS)
def test_of_a_row_that_is_up_to_date_nothing_differs(life: list[Moment]) -> None:
    assert replayed(life[-1].row, told(life), timeline(life)) == Settled()


@settings(max_examples=150)
@given(MOMENTS)
def test_what_a_projection_has_spoilt_is_as_before(life: list[Moment]) -> None:
    row = life[-1].row
    spoilt = row.but(
        state=State.PLANNED,
        health=Health.DEGRADED,
        ctype=None,
        details={"peering_id": "pcx-wrong"},
        reasons=("wrong",),
        flags=(),
        established_generation=0,
        evaluation=(),
        plan=(),
    )
    mended = replayed(spoilt, told(life), timeline(life)).connection or spoilt
    assert meant(mended) == meant(row)


@settings(max_examples=150)
@given(MOMENTS, st.data())
def test_an_older_row_is_brought_up_to_date(life: list[Moment], data: st.DataObject) -> None:
    older = data.draw(st.integers(0, len(life)), label="moments that the backup knows")
    row = life[older - 1].row if older else None
    settled = replayed(row, told(life), timeline(life[:older]))
    assert meant(settled.connection or life[older - 1].row) == meant(life[-1].row)
    assert {one.id for one in settled.missing} == timeline(life[older:])


@settings(max_examples=150)
@given(MOMENTS, st.data())
def test_an_older_row_is_brought_up_to_date_by_the_end_of_the_topic(
    life: list[Moment], data: st.DataObject
) -> None:
    older = data.draw(st.integers(1, len(life)), label="moments that the backup knows")
    lost = data.draw(st.integers(0, older), label="moments that the topic has lost")
    if not told(life[lost:]):
        return
    row = life[older - 1].row
    topic = told(life[lost:])
    settled = replayed(row, topic, timeline(life[:older]))
    if settled.left:
        # An agreed wish looks like the beginning of a life: who was asked before it is lost.
        assert (settled.left, settled.connection) == ("its timeline tells more than the topic", None)
        assert begins(topic[0])
        assert lost > 0
        return
    assert meant(settled.connection or row) == meant(life[-1].row)


def test_a_deletion_that_the_database_does_not_know_is_done_and_handed_on() -> None:
    life = moments(BOTH, [("evaluated", 0), ("established", 0), ("delete", 0), ("deleted", 0)])
    settled = replayed(life[2].row, told(life), timeline(life[:3]))
    assert settled.connection is not None
    assert (settled.connection.state, settled.connection.desired_state) == ("DELETED", DesiredState.DELETED)
    assert settled.hand_on
    assert not replayed(life[-1].row.but(state=State.DELETING), told(life), timeline(life)).hand_on


def test_a_change_that_nobody_has_agreed_to_is_not_handed_on() -> None:
    life = moments(BOTH, [("evaluated", 0), ("established", 0), ("retry alone", 0)])
    settled = replayed(life[2].row, told(life), timeline(life[:3]))
    assert settled.connection is not None
    assert settled.connection.needed_from == (RIGHT_SERVICE,)
    assert not settled.hand_on


def test_a_row_whose_services_were_deleted_since_is_as_told() -> None:
    row, topic = lived(BOTH, [("evaluated", 0), ("established", 0)])
    known = {one.id for one in topic}
    settled = settle(row, Life(row, whole=True, told=known), known, frozenset(), restored=False)
    assert settled == Settled()


def test_what_cannot_be_known_is_left_as_it_is_and_said() -> None:
    row, topic = lived(BOTH, [("evaluated", 0), ("established", 0)])
    known = {one.id for one in topic}
    life = Life(row, whole=True, told=known)

    def left(
        row: Connection | None, life: Life, services: Set[UUID] = SERVICES, restored: bool = True
    ) -> str:
        return settle(row, life, known, services, restored=restored).left

    assert "newer generation" in left(row.but(generation=2), life)
    assert "timeline" in left(row.but(health=Health.UP), Life(row, whole=True))
    assert str(RIGHT_SERVICE) in left(None, life, {LEFT_SERVICE})
    assert "--restored" in left(row, Life(row, whole=True, lost=True, told=known), restored=False)
    assert "generation 2" in left(row, Life(row, newest=2))
    assert "lost its beginning" in left(None, Life())
