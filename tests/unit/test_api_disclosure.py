"""Who is told what of an event: the other side of a connection never too much, an owner never too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given

from onenet_api.events.disclosure import EventView, Parties, disclose
from onenet_api.events.facts import Fact, of_message
from onenet_common import events
from onenet_common.connection import CType, Step
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, Event
from tests.event_strategies import events as any_event
from tests.unit.api_values import BEGINNING, LEFT, LEFT_SERVICE, RIGHT, RIGHT_SERVICE, message

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
        target="rtb-1",
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


def test_how_a_step_is_carried_out_is_told_of_the_own_side_alone() -> None:
    left, right = shown(PLANNED, LEFT_ALONE, *BOTH).data["steps"]
    assert left["arguments"] == STEPS[0].arguments
    assert right == {**STEPS[1].model_dump(mode="json"), "arguments": {}}


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
