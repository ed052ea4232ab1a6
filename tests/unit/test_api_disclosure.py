"""Who is told what of an event: the other side of a connection never too much, an owner never too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given

from onenet_api.connections.decisions import readdress
from onenet_api.connections.fold import fold
from onenet_api.connections.views import ConnectionView
from onenet_api.events.disclosure import EventView, Parties, disclose
from onenet_api.events.facts import Fact, of_message
from onenet_common import events
from onenet_common.connection import ELSEWHERE, Alternative, Constraint, CType, Side, Step
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, Event
from onenet_common.states import State
from tests.event_strategies import events as any_event
from tests.unit.api_values import (
    BEGINNING,
    LEFT,
    LEFT_SERVICE,
    RIGHT,
    RIGHT_SERVICE,
    connection,
    consent,
    message,
    network,
)

BOTH = frozenset((LEFT_SERVICE, RIGHT_SERVICE))
LEFT_ALONE = frozenset((LEFT_SERVICE,))
ID = uuid4()
SECRETS = ("10.2.0.0/16", "222222222222")
"""What of the right side its owner alone may see before it has agreed."""


def parties(*disclosed: Any) -> Parties:
    return Parties(ID, "a to b", LEFT.id, RIGHT.id, LEFT_SERVICE, RIGHT_SERVICE, frozenset(disclosed))


def fact(event: Event) -> Fact:
    found = of_message(message(event))
    assert found is not None
    return found


def shown(event: Event, owned: frozenset[Any], *disclosed: Any) -> EventView:
    view = disclose(fact(event), parties(*disclosed), owned)
    assert view is not None
    return view


REJECTED = events.ConnectionRejected(
    connection_id=ID, generation=1, reasons=("10.1.0.0/16 overlaps 10.2.0.0/16 of account 222222222222",)
)
STEPS = tuple(
    Step(
        action="create_route",
        side=side,
        target=f"rtb-{side}",
        why=f"led to tgw-{side}",
        arguments={"role": "arn:aws:iam::222222222222:role/x"},
    )
    for side in ("left", "right")
)
PLANNED = events.ConnectionPlanned(connection_id=ID, generation=1, ctype=CType.AWS_PEERING, steps=STEPS)


def test_who_owns_neither_side_is_told_nothing() -> None:
    assert disclose(fact(REJECTED), parties(*BOTH), frozenset({uuid4()})) is None
    assert disclose(fact(REJECTED), parties(*BOTH), frozenset()) is None


@pytest.mark.parametrize("event", [REJECTED, PLANNED])
def test_before_the_other_side_agrees_its_addresses_and_accounts_stay_hidden(event: Event) -> None:
    told = shown(event, LEFT_ALONE, LEFT_SERVICE).model_dump_json()
    assert not [secret for secret in SECRETS if secret in told]
    assert "rejected" in told or "planned" in told


def test_what_the_other_owner_says_is_told_before_he_agrees() -> None:
    refused = events.ConnectionRefused(connection_id=ID, generation=1, reason="not now", refused_by="ravi")
    view = shown(refused, LEFT_ALONE)
    assert (view.data["reason"], view.summary) == ("not now", "ravi refused: not now")


@pytest.mark.parametrize("owned", [BOTH, LEFT_ALONE])
def test_once_both_have_agreed_reasons_are_told_to_both(owned: frozenset[Any]) -> None:
    view = shown(REJECTED, owned, *BOTH)
    assert view.data["reasons"] == list(REJECTED.reasons)
    assert "overlaps" in view.summary


DRIFTED = events.ConnectionDrifted(connection_id=ID, generation=1, differences=STEPS)


@pytest.mark.parametrize(("event", "name"), [(PLANNED, "steps"), (DRIFTED, "differences")])
def test_of_a_step_on_the_other_side_only_its_kind_is_told(event: Event, name: str) -> None:
    view = shown(event, LEFT_ALONE, *BOTH)
    left, right = view.data[name]
    assert left == {**STEPS[0].model_dump(mode="json"), "arguments": {}}
    assert right == {"action": "create_route", "side": "right", "target": "", "arguments": {}, "why": ""}
    assert view.summary.endswith("create_route rtb-left; create_route on the right side")
    assert shown(event, BOTH).data[name] == [step.model_dump(mode="json") for step in STEPS]


REFUSAL = "AWS CreateRoute: Unauthorized: arn:aws:sts::222222222222:assumed-role/x may not, on rtb-right"
ABOUT_THE_RIGHT: dict[str, Any] = {"reason": REFUSAL, "told": {"right": REFUSAL}}
UNSUCCESSFUL = [
    events.ConnectionFailed(
        connection_id=ID, generation=1, ctype=CType.AWS_PEERING, code="access_denied", **ABOUT_THE_RIGHT
    ),
    events.ConnectionDelayed(connection_id=ID, generation=1, code="throttled", **ABOUT_THE_RIGHT),
    events.ConnectionPathRefused(
        connection_id=ID,
        generation=1,
        wish=connection(State.REQUESTED).wish,
        ctype=CType.AWS_PEERING,
        **ABOUT_THE_RIGHT,
    ),
]


@pytest.mark.parametrize("event", UNSUCCESSFUL)
def test_what_a_provider_says_of_an_account_is_told_to_its_owner_alone(event: Event) -> None:
    stranger = shown(event, LEFT_ALONE, *BOTH)
    assert stranger.data["reason"] == ELSEWHERE
    assert ELSEWHERE in stranger.summary
    assert not [one for one in ("222222222222", "rtb-right") if one in stranger.model_dump_json()]
    for owned in (frozenset({RIGHT_SERVICE}), BOTH):
        owner = shown(event, owned, *BOTH)
        assert owner.data["reason"] == REFUSAL
        assert REFUSAL in owner.summary
        assert "told" not in owner.data


def test_a_reason_without_a_word_on_whose_account_it_is_about_takes_the_owner_of_both() -> None:
    event = events.ConnectionDelayed(connection_id=ID, generation=1, code="internal", reason=REFUSAL)
    assert shown(event, frozenset({RIGHT_SERVICE}), *BOTH).data["reason"] == ELSEWHERE
    assert shown(event, BOTH).data["reason"] == REFUSAL


def test_of_an_event_that_a_later_release_has_written_an_owner_of_one_side_is_told_that_it_happened() -> None:
    later = replace(fact(REJECTED), type="onenet.connection.moved.v1", data={"from": "rtb-right"})
    told = disclose(later, parties(*BOTH), LEFT_ALONE)
    assert told is not None
    assert (told.summary, told.data) == ("moved", {})
    whole = disclose(later, parties(*BOTH), BOTH)
    assert whole is not None
    assert whole.data == {"from": "rtb-right"}


def test_reasons_of_an_evaluation_are_told_without_the_words_about_the_other_account() -> None:
    refused = Constraint(
        name="not refused by the provider", satisfied=False, reason=REFUSAL, told={Side.RIGHT: REFUSAL}
    )
    overlap = Constraint(name="no overlap", satisfied=False, reason="10.1.0.0/16 and 10.1.2.0/24")
    alternative = Alternative(ctype=CType.AWS_PEERING, feasible=False, constraints=(refused, overlap))
    event = events.ConnectionRejected(
        connection_id=ID,
        generation=1,
        alternatives=(alternative,),
        reasons=(REFUSAL, overlap.reason),
        told={Side.LEFT: (ELSEWHERE, overlap.reason), Side.RIGHT: (REFUSAL, overlap.reason)},
    )
    stranger = shown(event, LEFT_ALONE, *BOTH)
    assert "222222222222" not in stranger.model_dump_json()
    assert list(stranger.data["reasons"]) == [ELSEWHERE, overlap.reason]
    told = stranger.data["alternatives"][0]["constraints"]
    assert [one["reason"] for one in told] == [ELSEWHERE, overlap.reason]
    owner = shown(event, frozenset({RIGHT_SERVICE}), *BOTH)
    assert list(owner.data["reasons"]) == [REFUSAL, overlap.reason]


def test_details_that_are_one_sides_are_told_to_its_owner_alone() -> None:
    details = {"peering_id": "pcx-1", "flow_log_left": "fl-left", "flow_log_right": "fl-right"}
    event = events.ConnectionEstablished(
        connection_id=ID, generation=1, ctype=CType.AWS_PEERING, details=details
    )
    shown_to_left = shown(event, LEFT_ALONE, *BOTH).data["details"]
    assert shown_to_left == {"peering_id": "pcx-1", "flow_log_left": "fl-left"}
    assert shown(event, BOTH).data["details"] == details


def test_a_provider_is_told_of_to_the_owners_of_its_service_alone_and_never_how_onenet_gets_in() -> None:
    provider = {
        "id": ID,
        "name": "production",
        "service": RIGHT_SERVICE,
        "provider_type": "AWS",
        "account": "222222222222",
        "region": "eu-north-1",
        "role_arn": "arn:aws:iam::222222222222:role/OneNet",
        "external_id": "confused-deputy",
    }
    registered = fact(events.ProviderRegistered.model_validate({"provider_id": ID, "provider": provider}))
    assert disclose(registered, None, LEFT_ALONE) is None
    told = disclose(registered, None, frozenset({RIGHT_SERVICE}))
    assert told is not None
    assert told.service == RIGHT_SERVICE
    assert told.data["provider"]["account"] == "222222222222"
    assert "confused-deputy" not in told.model_dump_json()
    assert "role/OneNet" not in told.model_dump_json()


def test_a_finding_is_told_in_whole_to_the_owners_of_each_of_its_networks_and_to_nobody_else() -> None:
    opened = events.FindingOpened(
        finding_id=ID,
        kind="internet_detour",
        resources=(LEFT.id, RIGHT.id),
        severity="warning",
        summary="vpc-1 talks to vpc-2 over the internet",
        remedy="connect them",
        evidence={"bytes": 777},
        at=BEGINNING,
    )
    about = replace(fact(opened), services=BOTH)
    for service in BOTH:
        view = disclose(about, None, frozenset({service}))
        assert view is not None
        assert (view.summary, view.data["evidence"]) == (opened.summary, {"bytes": 777})
        assert view.service is None
        assert set(view.services) == BOTH
    assert disclose(about, None, frozenset({uuid4()})) is None
    assert disclose(fact(opened), None, BOTH) is None


def test_what_state_an_event_brings_is_told_from_the_event_alone() -> None:
    failed = events.ConnectionFailed(connection_id=ID, generation=2, ctype=None, code="x", reason="y")
    assert fact(failed).state == "FAILED"
    assert fact(failed.model_copy(update={"reverted": True})).state == "ESTABLISHED"


def _of(side: str) -> list[str]:
    """What is in the account of a side, beside its network, and must not be found on the other."""
    return [f"{kind}-{side}" for kind in ("rtb", "tgw", "fl", "role")]


def _spoken(side: str) -> dict[str, Any]:
    reason = " ".join(_of(side))
    return {"reason": reason, "told": {side: reason}}


def _life() -> list[ConnectionEvent]:
    """Events that quote both accounts, wherever an event can."""
    about: dict[str, Any] = {"connection_id": ID, "generation": 1}
    built = {"ctype": CType.AWS_PEERING}
    return [
        events.ConnectionPlanned(**about, **built, steps=STEPS),
        events.ConnectionEstablished(
            **about, **built, details={"flow_log_left": "fl-left", "flow_log_right": "fl-right"}
        ),
        events.ConnectionDrifted(**about, differences=STEPS),
        *(events.ConnectionDelayed(**about, code="x", **_spoken(side)) for side in Side),
        *(
            events.ConnectionPathRefused(
                **about, **built, wish=connection(State.REQUESTED).wish, **_spoken(side)
            )
            for side in Side
        ),
        *(
            events.ConnectionFailed(**about, **built, code="x", reverted=reverted, **_spoken(side))
            for side in Side
            for reverted in (True, False)
        ),
    ]


@pytest.mark.parametrize("event", _life(), ids=lambda event: event.happening())
@pytest.mark.parametrize("before", [State.REQUESTED, State.PROVISIONING, State.ESTABLISHED])
def test_neither_a_view_nor_an_event_shows_what_is_in_the_other_sides_account(
    event: ConnectionEvent, before: State
) -> None:
    was = connection(before, id=ID, established_generation=1)
    folded = fold(was, message(event)).connection
    for own, other, service in (("left", "right", LEFT_SERVICE), ("right", "left", RIGHT_SERVICE)):
        owned = frozenset({service})
        seen = [
            ConnectionView.of(folded, owned).model_dump_json(),
            shown(event, owned, *BOTH).model_dump_json(),
        ]
        assert not [one for one in _of(other) for text in seen if one in text]
        quoted = [one for one in _of(own) if one in folded.model_dump_json()]
        assert [one for one in quoted if one in seen[0]] == quoted
    whole = ConnectionView.of(folded, BOTH)
    for name in ("plan", "details", "reasons"):
        assert getattr(whole, name) == getattr(folded, name)


def test_the_flag_of_a_network_that_changed_does_not_tell_its_addresses_before_it_agrees() -> None:
    asked = connection(State.PENDING_APPROVAL, given=(consent(LEFT_SERVICE, "lena"),))
    grown = network("vpc-2", ["10.2.0.0/16", "10.9.0.0/16"], RIGHT_SERVICE)
    changed = readdress(asked, grown, BEGINNING).connection
    assert "10.9.0.0/16" not in ConnectionView.of(changed, LEFT_ALONE).model_dump_json()
    assert "10.9.0.0/16" in ConnectionView.of(changed, frozenset({RIGHT_SERVICE})).flags[0].message


@given(any_event())
def test_no_event_shows_a_stranger_anything_or_an_asker_the_other_sides_addresses(event: Event) -> None:
    found = of_message(Message.of(event))
    if found is None:
        return
    is_connection = isinstance(event, ConnectionEvent)
    known = parties() if is_connection else None
    assert disclose(found, known, frozenset({uuid4()})) is None
    if is_connection:
        view = disclose(found, known, LEFT_ALONE)
        assert view is not None
        assert not view.data.keys() & {
            "alternatives",
            "reasons",
            "details",
            "steps",
            "differences",
            "terms",
            "wish",
        }
