"""The projection's fold, for every sequence of events that a broker could deliver."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_api.connections.fold import EFFECTS, Verdict, fold
from onenet_api.connections.model import Connection
from onenet_api.connections.timeline import SUMMARIES
from onenet_common import events
from onenet_common.connection import Alternative, CType, Side, Step
from onenet_common.events import ConnectionEvent
from onenet_common.states import TRANSITIONS, Health, State, after
from tests.unit.api_values import BEGINNING, connection, message

STEP = Step(action="create_route", side=Side.LEFT, target="rtb-1 10.2.0.0/16")
BODIES: dict[type[ConnectionEvent], dict[str, Any]] = {
    events.ConnectionApproved: {"terms": "t", "approved_by": "ravi"},
    events.ConnectionRefused: {"reason": "no", "refused_by": "ravi"},
    events.ConnectionRejected: {"reasons": ("overlap",)},
    events.ConnectionPlanned: {"ctype": CType.AWS_PEERING, "steps": (STEP,)},
    events.ConnectionEstablished: {"ctype": CType.AWS_PEERING, "details": {"peering_id": "pcx-1"}},
    events.ConnectionFailed: {"ctype": CType.AWS_PEERING, "code": "denied", "reason": "denied"},
    events.ConnectionDelayed: {"code": "throttled", "reason": "the provider is slow"},
    events.ConnectionDrifted: {"differences": (STEP,)},
    events.ConnectionRepaired: {},
    events.ConnectionHealthChanged: {"health": Health.UP, "previous": Health.UNKNOWN, "at": BEGINNING},
    events.ConnectionDeleted: {},
}
WITH_WISH: dict[type[ConnectionEvent], dict[str, Any]] = {
    events.ConnectionRequested: {},
    events.ConnectionDeletionRequested: {},
    events.ConnectionEvaluated: {
        "ctype": CType.AWS_PEERING,
        "alternatives": (Alternative(ctype=CType.AWS_PEERING, feasible=True),),
    },
    events.ConnectionPathRefused: {"ctype": CType.AWS_PEERING, "reason": "quota"},
}


def event_of(kind: type[ConnectionEvent], of: Connection, generation: int, **other: Any) -> ConnectionEvent:
    body = BODIES[kind] if kind in BODIES else WITH_WISH[kind] | {"wish": of.wish}
    return kind(connection_id=of.id, generation=generation, **body | other)


KINDS = st.sampled_from([*BODIES, *WITH_WISH])
HISTORIES = st.lists(st.tuples(KINDS, st.integers(1, 3), st.booleans()), max_size=30)
STATES = st.sampled_from(State)


def play(start: Connection, history: list[tuple[type[ConnectionEvent], int, bool]]) -> list[Connection]:
    """Every connection on the way through a history."""
    way = [start]
    for minutes, (kind, generation, reverted) in enumerate(history):
        other = {"reverted": reverted} if kind is events.ConnectionFailed else {}
        event = event_of(kind, start, generation, **other)
        way.append(fold(way[-1], message(event, minutes=minutes)).connection)
    return way


@given(STATES, HISTORIES)
def test_no_sequence_leaves_the_table_of_transitions(
    state: State, history: list[tuple[type[ConnectionEvent], int, bool]]
) -> None:
    way = play(connection(state, generation=2), history)
    for before, behind in pairwise(way):
        followers = {targets[before.state] for targets in TRANSITIONS.values() if before.state in targets}
        assert behind.state in followers | {before.state}


@given(STATES, HISTORIES)
def test_a_new_version_means_a_change_and_time_never_runs_back(
    state: State, history: list[tuple[type[ConnectionEvent], int, bool]]
) -> None:
    way = play(connection(state, generation=2), history)
    for before, behind in pairwise(way):
        assert (behind.version == before.version) == (behind is before)
        assert behind.updated_at >= before.updated_at


@given(STATES, KINDS.filter(lambda kind: kind is not events.ConnectionHealthChanged))
def test_an_older_generation_changes_nothing_but_health(state: State, kind: type[ConnectionEvent]) -> None:
    now = connection(state, generation=2, established_generation=2)
    assert fold(now, message(event_of(kind, now, 1))).connection is now


@given(STATES, KINDS)
def test_only_what_the_table_allows_is_applied(state: State, kind: type[ConnectionEvent]) -> None:
    now = connection(state)
    folded = fold(now, message(event_of(kind, now, 1)))
    if kind.producer == "onenet-api":
        assert folded == (now, Verdict.OWN)
    elif after(state, kind.happening()) is None:
        assert folded == (now, Verdict.REFUSED)
    else:
        assert folded.verdict is Verdict.APPLIED
        assert folded.connection.state is after(state, kind.happening())


def test_every_happening_of_others_has_an_effect_and_every_effect_a_transition() -> None:
    others = {kind.happening() for kind in [*BODIES, *WITH_WISH] if kind.producer != "onenet-api"}
    assert others | {"reverted"} == set(EFFECTS)
    assert set(EFFECTS) <= set(TRANSITIONS)


def test_established_keeps_the_details_and_forgets_the_failure_before() -> None:
    waiting = connection(State.PROVISIONING, generation=2, reasons=("throttled",))
    established = fold(waiting, message(event_of(events.ConnectionEstablished, waiting, 2))).connection
    assert established.details == {"peering_id": "pcx-1"}
    assert established.reasons == ()
    assert established.established_generation == 2


@pytest.mark.parametrize(
    "kind", [events.ConnectionRejected, events.ConnectionFailed], ids=lambda kind: kind.happening()
)
def test_a_change_that_comes_to_nothing_leaves_what_stood(kind: type[ConnectionEvent]) -> None:
    details = {"peering_id": "pcx-1"}
    changing = connection(State.REQUESTED, generation=2, established_generation=1, details=details)
    other = {"reverted": True} if kind is events.ConnectionFailed else {}
    stands = fold(changing, message(event_of(kind, changing, 2, **other))).connection
    assert stands.state is State.ESTABLISHED
    assert stands.details == details
    assert [flag.code for flag in stands.flags] == ["change_failed"]


def test_what_stood_is_still_watched_under_its_own_generation() -> None:
    stands = connection(State.ESTABLISHED, generation=2, established_generation=1)
    drifted = fold(stands, message(event_of(events.ConnectionDrifted, stands, 1))).connection
    assert [flag.code for flag in drifted.flags] == ["drifted"]
    repaired = fold(drifted, message(event_of(events.ConnectionRepaired, stands, 1))).connection
    assert repaired.flags == ()


@pytest.mark.parametrize("state", [State.REQUESTED, State.PROVISIONING])
def test_the_health_of_what_stands_is_heard_while_a_change_of_it_is_under_way(state: State) -> None:
    """Or else it stays unknown: a verdict that does not change again is not told again."""
    changing = connection(state=state, generation=2, established_generation=1)
    heard = fold(changing, message(event_of(events.ConnectionHealthChanged, changing, 1)))
    assert (heard.connection.state, heard.connection.health) == (state, Health.UP)
    nothing = connection(state=state, generation=2)
    late = fold(nothing, message(event_of(events.ConnectionHealthChanged, nothing, 1)))
    assert late.verdict is Verdict.HISTORY


def test_the_last_word_on_health_counts_also_when_a_change_was_quicker() -> None:
    changed = connection(state=State.ESTABLISHED, generation=2, established_generation=2)
    heard = fold(changed, message(event_of(events.ConnectionHealthChanged, changed, 1)))
    assert heard.connection.health is Health.UP
    drifted = fold(changed, message(event_of(events.ConnectionDrifted, changed, 1)))
    assert drifted.verdict is Verdict.HISTORY


def test_a_path_that_was_refused_twice_is_remembered_once() -> None:
    waiting = connection(State.PROVISIONING)
    for _ in range(2):
        refusal = event_of(events.ConnectionPathRefused, waiting, 1)
        waiting = fold(waiting, message(refusal)).connection
    assert [path.ctype for path in waiting.wish.refused_paths] == [CType.AWS_PEERING]


def test_progress_starts_the_wait_for_the_next_step_anew() -> None:
    waiting = connection(State.REQUESTED, attempts=4)
    moved = fold(waiting, message(event_of(events.ConnectionEvaluated, waiting, 1), minutes=9)).connection
    assert moved.attempts == 0
    assert moved.published_at > waiting.published_at


def test_nothing_is_left_on_a_deleted_connection() -> None:
    leaving = connection(State.DELETING, details={"peering_id": "pcx-1"}, health=Health.UP)
    deleted = fold(leaving, message(event_of(events.ConnectionDeleted, leaving, 1))).connection
    assert (deleted.details, deleted.health) == ({}, Health.UNKNOWN)


def test_every_event_of_a_connection_has_words_for_the_timeline() -> None:
    assert set(SUMMARIES) == {kind for kind in events.EVENTS.values() if issubclass(kind, ConnectionEvent)}
