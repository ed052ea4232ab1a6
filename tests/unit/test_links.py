"""What is wanted of a link, whatever order its events come in, and however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_common.connection import CType
from onenet_common.envelope import Message
from onenet_common.states import DesiredState
from onenet_provisioner.links import Failure, Work, wanted
from onenet_provisioner.phases import Phase
from tests.samples import NOW, deletion_requested, evaluated, requested, sampled, wish

ID = UUID(int=1)
UNTIL = NOW + timedelta(minutes=15)
LATER = NOW + timedelta(hours=1)


def after(work: Work | None, message: Message) -> Work | None:
    return wanted(work, message, NOW, UNTIL)


def link(generation: int = 1, phase: Phase = Phase.WORKING) -> Work:
    made = after(None, evaluated(wish(generation, id=ID)))
    assert made is not None
    return replace(made, phase=phase, due_at=LATER, details={"peering_id": "pcx-1"}, lease=UUID(int=9))


messages = st.builds(
    lambda make, generation: make(wish(generation, id=ID)),
    st.sampled_from([evaluated, deletion_requested]),
    st.integers(1, 5),
)
phases = st.sampled_from(Phase)
generations = st.integers(1, 5)


@given(st.integers(2, 5), phases, messages)
def test_an_older_generation_never_changes_anything(generation: int, phase: Phase, message: Message) -> None:
    work = link(generation, phase)
    if message.event.model_dump()["generation"] < generation:
        assert after(work, message) is None


@given(generations, phases, messages)
def test_an_event_that_comes_twice_changes_nothing_more(
    generation: int, phase: Phase, message: Message
) -> None:
    once = after(link(generation, phase), message)
    if once is not None:
        assert after(once, message) in (None, once)


@given(st.lists(messages, max_size=10))
def test_the_newest_generation_is_worked_on_and_a_deletion_wins_over_what_is_older(
    history: list[Message],
) -> None:
    work = None
    for message in history:
        work = after(work, message) or work
    newest = max((message.event.model_dump()["generation"] for message in history), default=0)
    assert (work.generation if work else 0) == newest
    if work is not None:
        first = next(m for m in history if m.event.model_dump()["generation"] == newest)
        deletes = first.event.happening() == "deletion_requested"
        assert (work.wish.desired_state is DesiredState.DELETED) == deletes


@given(generations, phases, st.integers(1, 5))
def test_a_newer_generation_is_begun_at_once_and_keeps_what_is_known_of_the_path(
    generation: int, phase: Phase, step: int
) -> None:
    before = link(generation, phase)
    for message in (
        evaluated(wish(generation + step, id=ID)),
        deletion_requested(wish(generation + step, id=ID)),
    ):
        work = after(before, message)
        assert work is not None
        assert (work.phase, work.due_at, work.deadline_at) == (Phase.WORKING, NOW, UNTIL)
        assert (work.details, work.ctype, work.lease) == (before.details, before.ctype, before.lease)
        assert (work.attempts, work.failure, work.drifted) == (0, None, False)


def test_a_change_of_an_established_link_remembers_what_stands() -> None:
    established = link(1, Phase.WATCHED)
    changed = after(established, evaluated(wish(2, id=ID)))
    assert changed is not None
    assert changed.standing == established.wish
    again = after(changed, evaluated(wish(3, id=ID)))
    assert again is not None
    assert again.standing == established.wish, "the second change must not forget what the first replaced"


def test_nothing_stands_of_what_was_never_established() -> None:
    changed = after(link(1, Phase.WORKING), evaluated(wish(2, id=ID)))
    assert changed is not None
    assert changed.standing is None


def test_asking_again_for_what_stands_has_it_announced() -> None:
    standing = link(1, Phase.WATCHED)
    assert after(standing, evaluated(wish(1, id=ID))) == replace(standing, announce=True, due_at=NOW)


def test_asking_again_for_what_failed_has_the_answer_repeated_and_nothing_built() -> None:
    failed = replace(link(1, Phase.ENDED), failure=Failure(code="quota", reason="none left"))
    assert after(failed, evaluated(wish(1, id=ID))) == replace(failed, announce=True, due_at=NOW)


def test_another_path_for_what_failed_is_begun() -> None:
    failed = replace(link(1, Phase.ENDED), failure=Failure(code="quota", reason="none left"), ctype=None)
    begun = after(failed, evaluated(wish(1, id=ID)))
    assert begun is not None
    assert (begun.phase, begun.ctype, begun.failure) == (Phase.WORKING, CType.AWS_PEERING, None)


def test_asking_again_for_a_deletion_that_is_done_does_it_again() -> None:
    gone = after(replace(link(1), phase=Phase.ENDED), deletion_requested(wish(1, id=ID)))
    assert gone is not None
    assert (gone.phase, gone.ctype) == (Phase.WORKING, CType.AWS_PEERING)


@pytest.mark.parametrize("ctype", [None, CType.AWS_PEERING])
def test_the_deletion_of_what_nobody_knows_is_worked_on_as_it_was_built_last(ctype: CType | None) -> None:
    gone = after(None, deletion_requested(wish(2, id=ID), ctype))
    assert gone is not None
    assert (gone.ctype, gone.wish.desired_state) == (ctype, DesiredState.DELETED)


def test_other_events_want_nothing() -> None:
    assert after(None, requested(wish(id=ID))) is None
    assert after(link(), sampled(uuid4(), "UP")) is None
