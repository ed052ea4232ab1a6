"""What users may do to connections, and what follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_api.connections import changes, decisions
from onenet_api.connections.decisions import Caller, Decided
from onenet_api.connections.model import Connection, towards
from onenet_api.connections.views import ConnectionChange
from onenet_api.problems import Problem
from onenet_api.sweeper import again
from onenet_common.connection import CType, ExistingPath, L4Filter, Protocol, Requirements, Resource
from onenet_common.events import ConnectionDeletionRequested
from onenet_common.states import DesiredState, State
from tests.unit.api_values import (
    BEGINNING,
    BOTH,
    LEFT,
    LEFT_SERVICE,
    LENA,
    RAVI,
    RIGHT,
    RIGHT_SERVICE,
    connection,
    consent,
    network,
)

GROWN = network("vpc-2", ["10.2.0.0/16", "10.9.0.0/16"], RIGHT_SERVICE)


def happenings(decided: Decided) -> list[str]:
    return [event.happening() for event in decided.events]


def flags(of: Connection) -> set[str]:
    return {flag.code for flag in of.flags}


def pending() -> Connection:
    asked = connection(State.PENDING_APPROVAL, given=(), needed_from=())
    return decisions.begin(asked, LENA).connection


def test_a_request_across_owners_waits_for_the_other_one() -> None:
    asked = decisions.begin(connection(State.PENDING_APPROVAL, given=()), LENA)
    assert asked.connection.state is State.PENDING_APPROVAL
    assert asked.connection.needed_from == (RIGHT_SERVICE,)
    assert happenings(asked) == ["approval_requested"]


def test_who_owns_both_sides_waits_for_nobody() -> None:
    asked = decisions.begin(connection(State.PENDING_APPROVAL, given=()), BOTH)
    assert asked.connection.state is State.REQUESTED
    assert happenings(asked) == ["requested"]
    assert asked.connection.generation == 1


def test_the_last_consent_hands_the_wish_on_in_the_same_generation() -> None:
    approved = decisions.approve(pending(), RAVI, pending().terms)
    assert approved.connection.state is State.REQUESTED
    assert approved.connection.generation == 1
    assert happenings(approved) == ["approved", "requested"]


def test_consent_to_other_terms_is_refused_with_those_that_are_current() -> None:
    with pytest.raises(Problem) as refused:
        decisions.approve(pending(), RAVI, "what I saw yesterday")
    assert (refused.value.status, refused.value.members) == (409, {"terms": pending().terms})


def test_who_has_agreed_already_learns_no_terms_and_changes_nothing() -> None:
    waiting = pending()
    assert decisions.approve(waiting, LENA, "a guess") == Decided(waiting)


def test_who_has_agreed_is_told_when_what_stands_is_not_what_he_agrees_to() -> None:
    agreed = decisions.approve(pending(), RAVI, pending().terms).connection
    assert decisions.approve(agreed, RAVI, agreed.terms) == Decided(agreed)
    with pytest.raises(Problem) as refused:
        decisions.approve(agreed, RAVI, "what I saw yesterday")
    assert (refused.value.status, refused.value.members) == (409, {"terms": agreed.terms})


def test_a_refusal_rejects_what_was_not_established() -> None:
    refused = decisions.refuse(pending(), RAVI, "not now")
    assert refused.connection.state is State.REJECTED
    assert refused.connection.reasons == ("ravi refused: not now",)


def test_nobody_refuses_what_he_was_not_asked_for() -> None:
    with pytest.raises(Problem) as refused:
        decisions.refuse(connection(State.ESTABLISHED), RAVI, "changed my mind")
    assert refused.value.status == 409


def test_retrying_with_the_same_terms_keeps_the_consents() -> None:
    retried = decisions.retry(connection(State.FAILED), LENA, (LEFT, RIGHT), None)
    assert retried.connection.state is State.REQUESTED
    assert retried.connection.generation == 2
    assert happenings(retried) == ["requested"]


def test_retrying_with_grown_addresses_asks_the_other_owner_again() -> None:
    retried = decisions.retry(connection(State.FAILED), LENA, (LEFT, GROWN), None)
    assert retried.connection.state is State.PENDING_APPROVAL
    assert retried.connection.needed_from == (RIGHT_SERVICE,)
    assert retried.connection.right.subnets == GROWN.subnets


def test_an_established_connection_stands_in_its_generation_while_consent_is_awaited() -> None:
    standing = connection(State.ESTABLISHED, generation=3, established_generation=3)
    asked = decisions.retry(standing, LENA, (LEFT, GROWN), None).connection
    assert (asked.state, asked.generation) == (State.ESTABLISHED, 3)
    agreed = decisions.approve(asked, RAVI, asked.terms).connection
    assert (agreed.state, agreed.generation) == (State.REQUESTED, 4)


def test_a_dry_run_is_carried_out_when_asked_for() -> None:
    planned = connection(
        State.PLANNED, desired_state=DesiredState.PLANNED, dry_run=True, connected_by=LEFT.id
    )
    retried = decisions.retry(planned, LENA, (LEFT, RIGHT), DesiredState.ESTABLISHED).connection
    assert (retried.state, retried.desired_state) == (State.REQUESTED, DesiredState.ESTABLISHED)
    assert (retried.dry_run, retried.wish.connected_by) == (False, None)


@pytest.mark.parametrize("state", [State.PENDING_APPROVAL, State.REQUESTED, State.DELETING, State.DELETED])
def test_what_is_under_way_or_leaving_is_not_retried(state: State) -> None:
    with pytest.raises(Problem) as refused:
        decisions.retry(connection(state), LENA, (LEFT, RIGHT), None)
    assert refused.value.status == 409


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELETED])
def test_everything_can_be_deleted_and_only_once(state: State) -> None:
    leaving = decisions.delete(connection(state), RAVI)
    assert leaving.connection.state is State.DELETING
    assert happenings(leaving) == ([] if state is State.DELETING else ["deletion_requested"])
    assert decisions.delete(leaving.connection, RAVI) == Decided(leaving.connection)


@pytest.mark.parametrize(
    ("before", "built"),
    [
        (connection(State.ESTABLISHED, ctype=CType.AWS_PEERING), CType.AWS_PEERING),
        (connection(State.PENDING_APPROVAL), None),
        (connection(State.PLANNED, ctype=CType.AWS_PEERING, dry_run=True), None),
    ],
)
def test_a_deletion_says_as_what_there_is_something_to_remove(
    before: Connection, built: CType | None
) -> None:
    leaving = decisions.delete(before, RAVI)
    [event] = leaving.events
    assert isinstance(event, ConnectionDeletionRequested)
    assert event.ctype is built
    assert again(leaving.connection) == event


def test_grown_addresses_outdate_the_other_sides_consent_alone() -> None:
    told = decisions.readdress(connection(State.ESTABLISHED, established_generation=1), GROWN, BEGINNING)
    assert told.connection.state is State.ESTABLISHED
    assert told.connection.needed_from == (LEFT_SERVICE,)
    assert flags(told.connection) == {"resource_changed", "consent_outdated"}
    assert happenings(told) == ["approval_requested"]


def test_one_person_on_both_sides_is_told_and_not_asked() -> None:
    given_by_one = (consent(LEFT_SERVICE, "ines"), consent(RIGHT_SERVICE, "ines"))
    told = decisions.readdress(connection(State.ESTABLISHED, given=given_by_one), GROWN, BEGINNING)
    assert (told.connection.needed_from, told.events) == ((), ())
    assert flags(told.connection) == {"resource_changed"}


def test_a_pending_consent_is_asked_for_the_addresses_of_today() -> None:
    waiting = pending()
    told = decisions.readdress(waiting, GROWN, BEGINNING)
    assert told.connection.needed_from == (RIGHT_SERVICE,)
    assert told.connection.terms != waiting.terms


def test_the_same_addresses_in_another_order_are_no_news() -> None:
    standing = decisions.readdress(connection(State.ESTABLISHED), GROWN, BEGINNING).connection
    reordered = network("vpc-2", ["10.9.0.0/16", "10.2.0.0/16"], RIGHT_SERVICE)
    assert decisions.readdress(standing, reordered, BEGINNING) == Decided(standing)


def test_a_resource_that_comes_back_takes_its_flag_away() -> None:
    without = decisions.gone(connection(State.ESTABLISHED), RIGHT, BEGINNING).connection
    assert flags(without) == {"resource_gone"}
    assert flags(decisions.back(without, BEGINNING).connection) == set()


def test_a_wish_carries_the_paths_to_the_peer_and_no_others() -> None:
    to_peer = ExistingPath(
        native_id="pcx-1", peer_native_id="vpc-2", peer_account=RIGHT.account, peer_region=RIGHT.region
    )
    elsewhere = to_peer.model_copy(update={"peer_account": "333333333333"})
    left = network("vpc-1", ["10.1.0.0/16"], paths=(to_peer, elsewhere))
    assert towards(left, RIGHT).paths == (to_peer,)


HTTPS = L4Filter(protocol=Protocol.TCP, from_port=443, to_port=443)
DNS = L4Filter(protocol=Protocol.UDP, from_port=53, to_port=53)


def change(now: Connection, caller: Caller, patch: dict[str, object], right: Resource = RIGHT) -> Decided:
    fields = changes.differing(now, ConnectionChange.model_validate(patch), ((DNS,), (HTTPS,)))
    return decisions.change(now, caller, (LEFT, right), fields)


def test_other_filters_ask_the_other_owner_while_what_stands_stands() -> None:
    standing = connection(State.ESTABLISHED, generation=3, established_generation=3)
    asked = change(standing, LENA, {"l4filters": [HTTPS.model_dump()]})
    assert (asked.connection.state, asked.connection.generation) == (State.ESTABLISHED, 3)
    assert asked.connection.needed_from == (RIGHT_SERVICE,)
    assert happenings(asked) == ["approval_requested"]
    agreed = decisions.approve(asked.connection, RAVI, asked.connection.terms).connection
    assert (agreed.state, agreed.generation) == (State.REQUESTED, 4)
    assert agreed.wish.l4filters == (HTTPS,)


def test_other_wishes_need_nobodys_consent_and_begin_a_generation() -> None:
    standing = connection(State.ESTABLISHED, requirements=Requirements(latency_ms=5, monthly_gb=10))
    changed = change(standing, LENA, {"requirements": {"monthly_gb": 500, "latency_ms": None}})
    assert changed.connection.requirements == Requirements(monthly_gb=500)
    assert (changed.connection.state, changed.connection.generation) == (State.REQUESTED, 2)
    assert happenings(changed) == ["requested"]


def test_a_change_takes_the_addresses_of_today_with_it() -> None:
    changed = change(connection(State.ESTABLISHED), LENA, {"ctype": "AWS_PEERING"}, GROWN)
    assert changed.connection.right.subnets == GROWN.subnets
    assert changed.connection.needed_from == (RIGHT_SERVICE,)


def test_what_waits_for_consent_waits_for_the_other_side_of_its_last_change() -> None:
    changed = change(pending(), RAVI, {"l4filters": [HTTPS.model_dump()]}).connection
    assert changed.state is State.PENDING_APPROVAL
    assert changed.needed_from == (LEFT_SERVICE,)
    assert changed.generation == 2


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    "same", [{}, {"requirements": {}}, {"l4filters": [{"protocol": "icmp"}, {}]}], ids=str
)
def test_a_change_of_nothing_changes_nothing(state: State, same: dict[str, object]) -> None:
    now = connection(state, l4filters=(L4Filter(), L4Filter(protocol=Protocol.ICMP)))
    assert change(now, LENA, same, GROWN) == Decided(now)


def test_null_stands_for_what_a_new_request_has() -> None:
    now = connection(
        State.FAILED, requested_ctype=CType.AWS_PEERING, requirements=Requirements(encryption=True)
    )
    patch: dict[str, object] = {"name": None, "ctype": None, "l4filters": None, "requirements": None}
    changed = change(now, BOTH, patch).connection
    assert changed.name == f"{LEFT.name} - {RIGHT.name}"
    assert (changed.requested_ctype, changed.requirements) == (None, Requirements())
    assert changed.l4filters == (DNS, HTTPS)


def test_a_name_alone_disturbs_nobody() -> None:
    renamed = change(connection(State.ESTABLISHED), LENA, {"name": "other"}, GROWN)
    assert (renamed.connection.name, renamed.connection.generation) == ("other", 1)
    assert (renamed.events, renamed.connection.right) == ((), RIGHT)
    assert renamed.connection.version == 2


@pytest.mark.parametrize("state", [State.REQUESTED, State.PROVISIONING, State.DELETING, State.DELETED])
def test_what_is_under_way_or_leaving_is_not_changed(state: State) -> None:
    with pytest.raises(Problem) as refused:
        change(connection(state), LENA, {"name": "other"})
    assert (refused.value.status, str(state) in refused.value.detail) == (409, True)


CALLERS = st.sampled_from([LENA, RAVI, BOTH])
STATES = st.sampled_from(State)
ACTIONS = st.sampled_from(["approve", "refuse", "retry", "change", "delete", "readdress"])


def act(now: Connection, action: str, caller: Caller) -> Decided:
    match action:
        case "approve":
            return decisions.approve(now, caller, now.terms)
        case "refuse":
            return decisions.refuse(now, caller, "no")
        case "retry":
            return decisions.retry(now, caller, (LEFT, GROWN), None)
        case "change":
            return change(now, caller, {"l4filters": [HTTPS.model_dump()] if not now.l4filters else []})
        case "delete":
            return decisions.delete(now, caller)
        case _:
            return decisions.readdress(now, GROWN, BEGINNING)


@given(STATES, st.lists(st.tuples(ACTIONS, CALLERS), max_size=12))
def test_no_wish_is_ever_handed_on_without_everybodys_consent_to_its_terms(
    state: State, history: list[tuple[str, Caller]]
) -> None:
    now = connection(state, given=(consent(LEFT_SERVICE, "lena"),), needed_from=(RIGHT_SERVICE,))
    for action, caller in history:
        try:
            decided = act(now, action, caller)
        except Problem:
            continue
        assert decided.connection.generation >= now.generation
        now = decided.connection
        if "requested" in happenings(decided):
            assert {consent.service for consent in now.given} == set(now.services)
            assert decided.events[-1].generation == now.generation
