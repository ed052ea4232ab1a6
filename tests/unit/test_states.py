"""Whatever happens in whatever order, a connection keeps to the table."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onenet_common.events import EVENTS, ConnectionEvent
from onenet_common.states import LIVE, SETTLED, TRANSITIONS, State, after

EVERYTHING = sorted({*TRANSITIONS, "established_again", ""})


class Life(RuleBasedStateMachine):
    """One connection, to which anything may happen at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.PENDING_APPROVAL
        self.deletion_requested = False
        self.deleted = False

    @rule(happening=st.sampled_from(EVERYTHING))
    def happen(self, happening: str) -> None:
        before, following = self.state, after(self.state, happening)
        if following is None:
            assert before not in TRANSITIONS.get(happening, {})
            return
        assert TRANSITIONS[happening][before] is following
        assert not self.deleted, "something happened to what is gone"
        self.state = following
        self.deletion_requested |= happening == "deletion_requested"
        self.deleted |= following is State.DELETED

    @invariant()
    def nothing_is_deleted_that_nobody_wanted_deleted(self) -> None:
        assert (self.state in (State.DELETING, State.DELETED)) == self.deletion_requested

    @invariant()
    def deleted_is_final(self) -> None:
        assert (self.state is State.DELETED) == self.deleted


TestLife = Life.TestCase


def reachable(start: State) -> set[State]:
    found, fresh = {start}, [start]
    while fresh:
        state = fresh.pop()
        following = {row[state] for row in TRANSITIONS.values() if state in row} - found
        found |= following
        fresh += following
    return found


def test_every_state_is_reached_from_the_first_and_leads_to_the_end() -> None:
    assert reachable(State.PENDING_APPROVAL) == set(State)
    assert all(State.DELETED in reachable(state) for state in State)
    assert reachable(State.DELETED) == {State.DELETED}


def test_what_is_under_way_is_live_and_only_two_settled_states_are() -> None:
    under_way = set(State) - SETTLED
    assert under_way <= LIVE
    assert LIVE.intersection(SETTLED) == {State.ESTABLISHED}
    assert set(State) - LIVE == {State.PLANNED, State.DELETED, State.REJECTED, State.FAILED}


def test_a_result_never_leaves_a_settled_state_but_what_the_watchdog_says_of_an_established_one() -> None:
    asked = {"approval_requested", "approved", "refused", "requested", "deletion_requested"}
    for happening, row in TRANSITIONS.items():
        if happening not in asked:
            assert all(state is following for state, following in row.items() if state in SETTLED), happening


def test_the_table_speaks_of_events_that_exist_and_of_a_failure_that_reverts() -> None:
    verbs = {event.happening() for event in EVENTS.values() if issubclass(event, ConnectionEvent)}
    assert set(TRANSITIONS) == verbs | {"reverted"}
