"""Cursors, entity tags and other small things of the API's HTTP side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_api import etags, pages
from onenet_api.directory.routes import containing
from onenet_api.problems import LONGEST_VALUE, Problem, shown
from onenet_api.providers.policies import permissions_policy, trust_policy
from onenet_api.providers.views import require_account

MOMENTS = st.integers(0, 400 * 365 * 86_400).map(
    lambda s: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(MOMENTS, st.uuids())
def test_a_cursor_brings_back_the_time_that_it_was_made_of(moment: datetime, row: UUID) -> None:
    assert pages.decode(pages.encode("-created_at", moment, row), "-created_at") == (moment, row)


@given(TEXTS, st.uuids())
def test_a_cursor_brings_back_the_text_that_it_was_made_of(text: str, row: UUID) -> None:
    assert pages.decode(pages.encode("name", text, row), "name") == (text, row)


@given(st.text(max_size=200), st.sampled_from(["name", "-created_at"]))
def test_anything_else_is_refused_as_a_cursor(cursor: str, sort: str) -> None:
    with pytest.raises(Problem) as refused:
        pages.decode(cursor, sort)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "moment",
    ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", ""],
)
def test_a_cursor_holds_no_time_that_a_row_cannot_have(moment: str) -> None:
    with pytest.raises(Problem):
        pages.decode(pages.encode("time", moment, UUID(int=1)), "time")


def test_a_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(Problem):
        pages.decode(pages.encode("name", "a", UUID(int=1)), "-name")


@pytest.mark.parametrize("header", [None, "*", '"3"', '"2", "3"'])
def test_if_match_lets_the_current_version_pass(header: str | None) -> None:
    etags.require(header, 3)


@pytest.mark.parametrize("header", ['"2"', 'W/"3"', '"33"'])
def test_if_match_stops_other_versions_and_weak_tags(header: str) -> None:
    with pytest.raises(Problem) as refused:
        etags.require(header, 3)
    assert refused.value.status == 412


@pytest.mark.parametrize(
    ("header", "same"), [(None, False), ("*", True), ('"3"', True), ('W/"3"', True), ('"2"', False)]
)
def test_if_none_match_compares_weakly(header: str | None, same: bool) -> None:
    assert etags.unchanged(header, 3) is same


@given(st.text())
def test_a_refused_value_is_shown_short_and_in_ascii(value: str) -> None:
    text = shown(value)
    assert len(text) <= LONGEST_VALUE
    assert text.rstrip("…").isascii()


def test_words_to_search_for_are_no_patterns() -> None:
    assert containing("50%_\\") == "%50\\%\\_\\\\%"


def test_only_onenet_with_this_providers_external_id_may_assume_the_role() -> None:
    (statement,) = trust_policy("999999999999", "its-own")["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::999999999999:root"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "its-own"}}


def test_the_role_may_change_nothing_outside_its_account_and_region() -> None:
    read, *change, deliver = permissions_policy("111111111111", "eu-north-1")["Statement"]
    assert {action.split(":")[1][:4] for action in read["Action"]} <= {"Desc", "GetS", "List"}
    places = {arn.rpartition(":")[0] for statement in change for arn in statement["Resource"]}
    assert places == {"arn:aws:ec2:eu-north-1:111111111111"}
    assert deliver["Action"] == ["logs:CreateLogDelivery", "logs:DeleteLogDelivery"]
    assert (
        deliver["Condition"] == read["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-north-1"}}
    )


def test_a_role_of_another_account_is_refused_with_both_accounts() -> None:
    with pytest.raises(ValueError, match=r"222222222222.*111111111111"):
        require_account("arn:aws:iam::222222222222:role/OneNet", "111111111111")


def test_time_stays_time_in_a_cursor_whatever_its_zone() -> None:
    moment = datetime.now(UTC) + timedelta(microseconds=1)
    value, _ = pages.decode(pages.encode("updated_at", moment, UUID(int=7)), "updated_at")
    assert value == moment
