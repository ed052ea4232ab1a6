"""What becomes of a link, and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onenet_common.connection import ELSEWHERE, CType, Side, Step, Wish
from onenet_common.errors import Conflict, PathRefused, Permanent, Throttled
from onenet_common.events import (
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionPathRefused,
    ConnectionPlanned,
    Event,
    HealthSampled,
)
from onenet_common.states import DesiredState, Health
from onenet_provisioner import outcomes
from onenet_provisioner.drivers.driver import Observed, Telemetry, Wait
from onenet_provisioner.links import Failure, Work
from onenet_provisioner.outcomes import NOTABLE_ATTEMPT, Change
from onenet_provisioner.phases import Phase
from tests.samples import NOW, wish

SEEN = Observed(details={"peering_id": "pcx-2"}, adopted=True)
STEPS = [Step(action="create_route", side=Side.LEFT, target="rtb-1 10.2.0.0/16", why="missing")]
CONFLICT = Conflict("rtb-1 sends 10.2.0.0/16 elsewhere", code="route_conflict")
QUOTA = PathRefused("no peerings left", code="quota_reached")
SLOW = Throttled("slow down")
LATE = NOW + timedelta(hours=2)


def work(
    phase: Phase = Phase.WORKING, desired: DesiredState = DesiredState.ESTABLISHED, **changes: Any
) -> Work:
    wanted = wish(2, desired_state=desired)
    values = {
        "connection_id": wanted.id,
        "generation": 2,
        "ctype": CType.AWS_PEERING,
        "phase": phase,
        "wish": wanted,
        "deadline_at": NOW + timedelta(hours=1),
        "due_at": NOW,
        "details": {"peering_id": "pcx-1", "made": "yes"},
        **changes,
    }
    return Work(**values)


def told(change: Change) -> list[str]:
    """Verbs of the events; of samples the health."""
    return [
        event.sample.health if isinstance(event, HealthSampled) else event.happening()
        for event in change.events
    ]


def only(kind: type[Event], change: Change) -> Any:
    [event] = [event for event in change.events if isinstance(event, kind)]
    return event


def test_established_is_told_with_details_and_put_under_watch() -> None:
    change = outcomes.established(work(standing=wish(1), attempts=2, reason="slow"), SEEN)
    assert told(change) == ["established", "UP"]
    event = only(ConnectionEstablished, change)
    assert (event.details, event.adopted, event.generation) == ({"peering_id": "pcx-2"}, True, 2)
    after = change.work
    assert (after.phase, after.standing, after.attempts, after.reason) == (Phase.WATCHED, None, 0, None)
    assert after.details == {"peering_id": "pcx-2", "made": "yes"}


def test_as_desired_is_a_sample_alone() -> None:
    change = outcomes.as_desired(work(Phase.WATCHED), SEEN)
    assert (told(change), change.outcome) == (["UP"], "as_desired")


def test_drift_and_its_repair_are_told_once_each() -> None:
    drift = outcomes.drifted(work(Phase.WATCHED), STEPS, SEEN)
    assert told(drift) == ["drifted", "DOWN"]
    assert drift.work.drifted
    repaired = outcomes.as_desired(drift.work, SEEN)
    assert told(repaired) == ["repaired", "UP"]
    assert not repaired.work.drifted


def test_a_drift_says_whose_account_each_reason_is_about() -> None:
    theirs = Step(action="create_route", side=Side.RIGHT, target="rtb-2 10.1.0.0/16", why="missing there")
    sample = only(HealthSampled, outcomes.drifted(work(Phase.WATCHED), [*STEPS, theirs], SEEN)).sample
    assert (sample.reasons, sample.sides) == (("missing", "missing there"), ("left", "right"))


def test_what_the_provider_says_of_the_path_is_a_source_of_its_own_for_both_owners() -> None:
    seen = replace(SEEN, telemetry=Telemetry(Health.DOWN, "peering pcx-2 is deleted"))
    for change in (
        outcomes.established(work(), seen),
        outcomes.as_desired(work(Phase.WATCHED), seen),
        outcomes.drifted(work(Phase.WATCHED), STEPS, seen),
    ):
        said = change.events[-1]
        assert isinstance(said, HealthSampled)
        assert (said.sample.source, said.sample.health) == ("provider", "DOWN")
        assert (said.sample.reasons, said.sample.sides) == (("peering pcx-2 is deleted",), ("both",))


def test_a_sample_says_when_the_next_one_is_due() -> None:
    [sample] = outcomes.as_desired(work(Phase.WATCHED), SEEN).events
    due = outcomes.due_again(sample, 60.0)
    assert isinstance(due, HealthSampled)
    assert due.sample.interval == 60.0


def test_a_question_is_answered_once_with_what_stands() -> None:
    change = outcomes.as_desired(work(Phase.WATCHED, announce=True), SEEN)
    assert told(change) == ["established", "UP"]
    assert told(outcomes.as_desired(change.work, SEEN)) == ["UP"]


def test_a_plan_is_shown_and_nothing_more_is_done() -> None:
    change = outcomes.planned(work(desired=DesiredState.PLANNED), STEPS)
    assert only(ConnectionPlanned, change).steps == tuple(STEPS)
    assert change.work.phase is Phase.ENDED


def test_a_deletion_ends_it() -> None:
    change = outcomes.deleted(work(desired=DesiredState.DELETED))
    assert (told(change), change.work.phase) == (["deleted"], Phase.ENDED)


def test_waiting_is_no_failed_attempt() -> None:
    change = outcomes.waiting(work(attempts=2), Wait(2.5, "provisioning"), NOW)
    assert (change.wait, change.events, change.work.attempts) == (2.5, [], 0)
    assert change.work.reason == "provisioning"


def test_an_error_that_may_pass_is_told_when_it_did_not_pass_several_times() -> None:
    change, tellings = Change(work()), []
    for _ in range(NOTABLE_ATTEMPT + 2):
        change = outcomes.delayed(change.work, SLOW, NOW)
        tellings.append(told(change))
    assert tellings == [[], [], ["delayed"], [], []]
    assert change.work.attempts == NOTABLE_ATTEMPT + 2


def test_what_cannot_be_looked_at_is_sampled_as_degraded_again_and_again() -> None:
    change, tellings = Change(work(Phase.WATCHED)), []
    for _ in range(NOTABLE_ATTEMPT + 1):
        change = outcomes.delayed(change.work, SLOW, LATE)
        tellings.append(told(change))
    assert tellings[2:] == [["delayed", "DEGRADED"], ["DEGRADED"]], "one sample alone would not be believed"


@pytest.mark.parametrize(
    "late", [lambda w: outcomes.delayed(w, SLOW, LATE), lambda w: outcomes.waiting(w, Wait(1, "x"), LATE)]
)
def test_a_new_link_is_given_up_at_its_deadline(late: Any) -> None:
    change = late(work())
    assert (change.work.phase, change.wait) == (Phase.UNDOING, 0.0)
    assert change.work.failure.code == "deadline"


@pytest.mark.parametrize(
    "endless",
    [work(desired=DesiredState.DELETED), work(Phase.UNDOING), work(Phase.WATCHED)],
    ids=["deletion", "undoing", "watched"],
)
def test_what_must_not_be_left_half_way_has_no_deadline(endless: Work) -> None:
    assert outcomes.delayed(endless, SLOW, LATE).work.phase is endless.phase
    assert outcomes.waiting(endless, Wait(1, "deleting"), LATE).work.phase is endless.phase


@pytest.mark.parametrize(("error", "another"), [(CONFLICT, False), (QUOTA, True)])
def test_a_refusal_is_undone_first_and_told_then(error: Any, another: bool) -> None:
    change = outcomes.refused(work(attempts=2), error)
    assert (change.events, change.wait, change.work.attempts) == ([], 0.0, 0)
    assert change.work.phase is Phase.UNDOING
    assert change.work.failure == Failure(code=error.code, reason=error.reason, another_path=another)


def test_a_watched_link_that_may_not_be_looked_at_is_not_said_to_be_down() -> None:
    denied = Permanent("AssumeRole: AccessDenied", code="access_denied").about(Side.LEFT)
    change = outcomes.refused(work(Phase.WATCHED, attempts=4), denied)
    assert told(change) == ["DEGRADED"]
    assert (change.work.phase, change.work.attempts) == (Phase.WATCHED, 0)
    sample = only(HealthSampled, change).sample
    assert sample.reasons == ("cannot be looked at: AssumeRole: AccessDenied",)
    assert sample.sides == ("left",)
    assert told(outcomes.refused(work(Phase.WATCHED, drifted=True), denied)) == ["DOWN"], "seen to be broken"


def test_a_watched_link_that_cannot_be_repaired_is_down_and_stays_under_watch() -> None:
    change = outcomes.refused(work(Phase.WATCHED, drifted=True, attempts=4), CONFLICT)
    assert told(change) == ["DOWN"]
    assert (change.work.phase, change.work.drifted, change.work.attempts) == (Phase.WATCHED, True, 0)


def test_a_removal_that_is_refused_is_tried_again_and_told_once() -> None:
    first = outcomes.refused(work(desired=DesiredState.DELETED), CONFLICT)
    second = outcomes.refused(first.work, CONFLICT)
    assert (told(first), told(second)) == (["delayed"], [])
    assert second.work.phase is Phase.WORKING


def undoing(**changes: Any) -> Work:
    return work(Phase.UNDOING, failure=Failure(code="route_conflict", reason="in the way"), **changes)


def test_what_was_undone_has_failed_and_says_so_again_when_asked() -> None:
    change = outcomes.undone(undoing())
    event = only(ConnectionFailed, change)
    assert (event.code, event.reason, event.reverted) == ("route_conflict", "in the way", False)
    assert change.work.phase is Phase.ENDED
    assert outcomes.undone(change.work).events == change.events


def test_what_another_path_may_do_goes_back_to_the_evaluator() -> None:
    refused = outcomes.refused(work(), QUOTA).work
    event = only(ConnectionPathRefused, outcomes.undone(refused))
    assert (event.wish, event.ctype, event.reason) == (refused.wish, CType.AWS_PEERING, "no peerings left")


@pytest.fixture
def standing() -> Wish:
    return wish(1, name="before the change")


def test_what_stood_before_a_failed_change_is_watched_again(standing: Wish) -> None:
    change = outcomes.undone(undoing(standing=standing))
    assert only(ConnectionFailed, change).reverted
    after = change.work
    assert (after.phase, after.standing) == (Phase.WATCHED, None)
    assert after.wish == standing.model_copy(update={"generation": 2})


def test_a_reverted_change_is_never_announced_as_established(standing: Wish) -> None:
    asked = replace(outcomes.undone(undoing(standing=standing)).work, announce=True)
    change = outcomes.as_desired(asked, SEEN)
    assert told(change) == ["failed", "UP"]
    assert only(ConnectionFailed, change).reverted


def test_what_cannot_be_cleaned_up_is_told_with_both_reasons() -> None:
    change = outcomes.refused(undoing(), CONFLICT)
    event = only(ConnectionFailed, change)
    assert event.reason == f"in the way; and it could not be cleaned up: {CONFLICT.reason}"
    assert change.work.phase is Phase.ENDED


def test_no_other_path_is_tried_beside_what_was_left_behind() -> None:
    refused = outcomes.refused(work(), QUOTA).work
    change = outcomes.refused(refused, CONFLICT)
    assert told(change) == told(outcomes.undone(change.work)) == ["failed"]


def test_what_stood_stays_under_watch_when_it_cannot_be_restored(standing: Wish) -> None:
    change = outcomes.refused(undoing(standing=standing), CONFLICT)
    assert only(ConnectionFailed, change).reverted
    assert (change.work.phase, change.work.wish.name) == (Phase.WATCHED, "before the change")


OF_THE_RIGHT = Throttled("role/x is slow").about(Side.RIGHT)


def test_the_reason_of_a_failure_is_told_to_the_owner_of_the_account_that_it_is_about() -> None:
    late = outcomes.delayed(work(), OF_THE_RIGHT, LATE).work
    undone = only(ConnectionFailed, outcomes.undone(late))
    assert undone.told == {Side.RIGHT: "gave up at the deadline: role/x is slow"}
    waited = outcomes.waiting(work(), Wait(5, "rtb-2 is busy", side=Side.LEFT), LATE).work
    assert waited.failure is not None
    assert waited.failure.told == {Side.LEFT: "gave up waiting: rtb-2 is busy"}
    nobody = outcomes.refused(work(), Conflict("somewhere")).work.failure
    assert nobody is not None
    assert nobody.told == {}


def test_what_is_left_behind_on_one_side_is_told_apart_from_why_the_other_failed() -> None:
    failure = Failure(code="x", reason="left's", told={Side.LEFT: "left's"})
    behind = outcomes.refused(work(Phase.UNDOING, failure=failure), Conflict("right's").about(Side.RIGHT))
    told = only(ConnectionFailed, behind).told
    assert told[Side.LEFT] == f"left's; {ELSEWHERE}"
    assert told[Side.RIGHT] == f"{ELSEWHERE}; and it could not be cleaned up: right's"


def test_a_sample_names_the_side_that_an_error_is_about() -> None:
    def sides(error: Conflict) -> tuple[tuple[str, ...], tuple[str, ...]]:
        sample = only(HealthSampled, outcomes.refused(work(Phase.WATCHED), error)).sample
        return sample.reasons, sample.sides

    assert sides(Conflict("a").about(Side.RIGHT)) == (("a",), ("right",))
    assert sides(Conflict("a", shared=True)) == (("a",), ("both",))
    assert sides(Conflict("a; b", told={"left": "a", "right": "b"})) == (("a", "b"), ("left", "right"))
    assert sides(Conflict("a")) == (("a",), ())


def test_an_error_that_several_wait_for_is_not_changed_for_the_others() -> None:
    error = PathRefused("quota", code="quota_reached")
    about = error.about(Side.LEFT)
    assert error.told == {}
    assert (type(about), about.code, about.told) == (PathRefused, "quota_reached", {"left": "quota"})
    assert about.about(Side.RIGHT).told == {"left": "quota"}
