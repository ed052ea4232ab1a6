"""Findings that their owners have marked: a muting holds, an acknowledgement until it opens anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from onenet_api.events.facts import Fact, of_message
from onenet_api.findings.marks import Mark
from onenet_api.findings.views import FindingState
from onenet_common.envelope import Message
from onenet_common.events import FindingClosed, FindingOpened
from tests.unit.api_values import BEGINNING

HOUR = timedelta(hours=1)
MARKED = BEGINNING + HOUR
NOW = BEGINNING + 9 * HOUR


def opened(at: datetime) -> Fact:
    event = FindingOpened(
        finding_id=uuid4(), kind="idle", resources=(uuid4(),), severity="info", summary="", remedy="", at=at
    )
    return known(event)


def closed(opened_at: datetime | None) -> Fact:
    return known(
        FindingClosed(finding_id=uuid4(), kind="idle", resources=(uuid4(),), at=NOW, opened_at=opened_at)
    )


def test_the_end_of_a_finding_says_of_which() -> None:
    event = FindingClosed(
        finding_id=uuid4(), kind="idle", resources=(uuid4(),), at=NOW, summary="tcp/23 is in the clear"
    )
    assert known(event).summary == "its cause is gone: tcp/23 is in the clear"
    assert closed(NOW).summary == "its cause is gone", "events of releases before say no more"


def known(event: FindingOpened | FindingClosed) -> Fact:
    fact = of_message(Message.of(event))
    assert fact is not None
    return fact


@pytest.mark.parametrize(("until", "hushed"), [(None, True), (NOW + HOUR, True), (NOW - HOUR, False)])
def test_a_muting_holds_as_long_as_it_says(until: datetime | None, hushed: bool) -> None:
    mark = Mark(FindingState.MUTED, until, MARKED)
    for fact in (opened(BEGINNING), opened(NOW), closed(NOW)):
        assert mark.hushes(fact, NOW) is hushed


@pytest.mark.parametrize(
    ("fact", "hushed"),
    [
        (opened(BEGINNING), True),
        (closed(BEGINNING), True),
        (opened(MARKED + HOUR), False),
        (closed(MARKED + HOUR), False),
        (closed(None), False),
    ],
    ids=["told late", "its end", "opened anew", "the end of that", "an end that does not say of what"],
)
def test_an_acknowledgement_holds_until_it_opens_anew(fact: Fact, hushed: bool) -> None:
    assert Mark(FindingState.ACKNOWLEDGED, None, MARKED).hushes(fact, NOW) is hushed
