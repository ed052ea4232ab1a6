"""Where connections stand, and the figures that follow, from their events alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_common.connection import CType
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionDeleted,
    ConnectionDeletionRequested,
    ConnectionEstablished,
    ConnectionEvaluated,
    ConnectionFailed,
    ConnectionRejected,
    ConnectionRequested,
    Event,
    ResourceDiscovered,
)
from onenet_common.states import State
from onenet_monitor.standings import OVER, Standing, failure_code, moved, seconds_to_establish
from tests.samples import NOW, network, wish

ID = UUID(int=1)


def event(kind: type[Event], generation: int = 1, **changes: Any) -> Event:
    values = {
        "connection_id": ID,
        "generation": generation,
        "wish": wish(generation, id=ID),
        "terms": "digest",
        "services": (),
        "ctype": CType.AWS_PEERING,
        "alternatives": (),
        "details": {},
        "reasons": ("overlap",),
        "code": "quota",
        "reason": "no peerings left",
        **changes,
    }
    return kind.model_validate({name: value for name, value in values.items() if name in kind.model_fields})


def at(second: int, of: Event) -> Message:
    return replace(Message.of(of), time=NOW + timedelta(seconds=second))


def standing_after(events: Sequence[Event]) -> Standing | None:
    standing = None
    for second, one in enumerate(events):
        standing = moved(standing, at(second, one)) or standing
    return standing


ESTABLISHED = [event(kind) for kind in (ConnectionRequested, ConnectionEvaluated, ConnectionEstablished)]


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([event(ConnectionApprovalRequested)], State.PENDING_APPROVAL),
        ([event(ConnectionApprovalRequested), event(ConnectionRequested)], State.REQUESTED),
        (ESTABLISHED, State.ESTABLISHED),
        ([event(ConnectionEstablished)], State.ESTABLISHED),
        ([event(ConnectionRequested), event(ConnectionRejected)], State.REJECTED),
        ([*ESTABLISHED, event(ConnectionRequested, 2), event(ConnectionFailed, 2)], State.FAILED),
        ([*ESTABLISHED, event(ConnectionDeletionRequested, 2)], State.DELETING),
        ([*ESTABLISHED, event(ConnectionDeletionRequested, 2), event(ConnectionDeleted, 2)], State.DELETED),
    ],
)
def test_a_standing_follows_the_events(events: Sequence[Event], state: State) -> None:
    standing = standing_after(events)
    assert standing is not None
    assert standing.state is state


def test_a_wish_that_is_published_again_does_not_take_down_what_is_established() -> None:
    standing = standing_after([*ESTABLISHED, event(ConnectionRequested)])
    assert standing is not None
    assert (standing.state, standing.asked_at) == (State.ESTABLISHED, NOW)


@pytest.mark.parametrize("end", [event(ConnectionRejected, 2), event(ConnectionFailed, 2, reverted=True)])
def test_a_change_that_comes_to_nothing_leaves_what_stood(end: Event) -> None:
    standing = standing_after([*ESTABLISHED, event(ConnectionRequested, 2), end])
    assert standing is not None
    assert standing.state is State.ESTABLISHED


def test_after_a_failure_nothing_stands_that_a_rejection_could_leave() -> None:
    failed = [*ESTABLISHED, event(ConnectionRequested, 2), event(ConnectionFailed, 2)]
    standing = standing_after([*failed, event(ConnectionRequested, 3), event(ConnectionRejected, 3)])
    assert standing is not None
    assert standing.state is State.REJECTED
    assert standing.state in OVER


KINDS = (
    ConnectionApprovalRequested,
    ConnectionRequested,
    ConnectionEvaluated,
    ConnectionEstablished,
    ConnectionRejected,
    ConnectionFailed,
    ConnectionDeletionRequested,
    ConnectionDeleted,
)
any_event = st.builds(event, st.sampled_from(KINDS), st.integers(1, 4))


@given(st.lists(any_event, max_size=12), any_event)
def test_an_older_generation_never_moves_anything(events: list[Event], late: Event) -> None:
    standing = standing_after(events)
    if standing is not None and late.model_dump()["generation"] < standing.generation:
        assert moved(standing, at(99, late)) is None


@given(st.lists(any_event, max_size=12))
def test_generations_only_rise_and_what_is_established_stands(events: list[Event]) -> None:
    standing = None
    for second, one in enumerate(events):
        before, standing = standing, moved(standing, at(second, one)) or standing
        assert before is None or (standing is not None and standing.generation >= before.generation)
        assert standing is None or standing.stands or standing.state is not State.ESTABLISHED


def test_the_time_to_establish_runs_from_the_request_that_was_agreed_to() -> None:
    asked = moved(None, at(0, event(ConnectionApprovalRequested)))
    agreed = moved(asked, at(100, event(ConnectionRequested)))
    evaluated = moved(agreed, at(101, event(ConnectionEvaluated)))
    assert seconds_to_establish(evaluated, at(107, event(ConnectionEstablished))) == 7.0
    assert seconds_to_establish(evaluated, at(99, event(ConnectionEstablished))) == 0.0


def test_nothing_but_becoming_established_has_a_time_to_establish() -> None:
    standing = standing_after(ESTABLISHED)
    assert seconds_to_establish(standing, at(9, event(ConnectionEstablished))) is None
    assert seconds_to_establish(None, at(9, event(ConnectionEstablished))) is None
    assert seconds_to_establish(standing, at(9, event(ConnectionFailed))) is None
    requested = moved(standing, at(9, event(ConnectionRequested, 2)))
    assert seconds_to_establish(requested, at(9, event(ConnectionEstablished, 1))) is None


def test_failures_are_counted_by_a_word() -> None:
    assert failure_code(at(0, event(ConnectionFailed))) == "quota"
    assert failure_code(at(0, event(ConnectionRejected))) == "rejected"
    assert failure_code(at(0, event(ConnectionEstablished))) is None


def test_what_is_not_about_a_connection_moves_nothing() -> None:
    found = event(ResourceDiscovered, 1, resource=network("a", "10.0.0.0/16"), at=NOW, resource_id=ID)
    assert moved(None, at(0, found)) is None


def test_a_removal_is_asked_for_anew_and_its_repetition_is_not() -> None:
    asked = standing_after(ESTABLISHED)
    leaving = standing_after([*ESTABLISHED, event(ConnectionDeletionRequested, 2)])
    assert asked is not None
    assert leaving is not None
    assert asked.asked_at == NOW
    assert leaving.asked_at == NOW + timedelta(seconds=len(ESTABLISHED))
    again = moved(leaving, at(99, event(ConnectionDeletionRequested, 2))) or leaving
    assert again.asked_at == leaving.asked_at
