"""``onenet admin dead``, run in this process against the fake API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client.conftest import Result, Run
from tests.client.fake_api import FakeApi

REPLAY = "/v1/dead-letter-replays"


@pytest.fixture
def dead(onenet: Run) -> Run:
    """Runs a command on dead letters as an administrator."""

    def run(*arguments: str, user: str = "root", **other: Any) -> Result:
        return onenet("admin", "dead", *arguments, user=user, **other)

    return run


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_every_command_has_an_example(dead: Run, command: str) -> None:
    assert f"onenet admin dead {command}" in dead(command, "--help").out.partition("Examples:")[2]


def test_the_help_says_what_to_do_with_every_reason(dead: Run) -> None:
    shown = dead("--help").out
    for code in ("not_a_cloudevent", "wrong_header", "wrong_source", "wrong_schema", "bad_size"):
        assert code in shown


def test_a_list_is_a_table_or_json(dead: Run, api: FakeApi) -> None:
    api.add_letter(1)
    api.add_letter(2, code="bad_size")
    assert "onenet.health:0:1" in dead("list").out
    listed = json.loads(dead("list", "--code", "bad_size", "-o", "json").out)
    assert [one["id"] for one in listed] == ["onenet.health:0:2"]


def test_an_age_that_is_none_is_refused_with_what_would_be_right(dead: Run, api: FakeApi) -> None:
    result = dead("list", "--since", "yesterday")
    assert result.code == 2
    assert "2h" in result.err
    assert dead("list", "--since", "2h").code == 0
    assert "since" in api.requests[-1].query_params


def test_a_letter_cannot_steer_the_terminal(dead: Run, api: FakeApi) -> None:
    api.add_letter(1, value={"encoding": "utf-8", "data": "\x1b[2J", "size": 4}, reason="\x1b[31mred")
    api.add_letter(2, value={"encoding": "base64", "data": "AP97", "size": 3})
    shown = dead("show", "onenet.health:0:1")
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "(binary, base64) AP97" in dead("show", "onenet.health:0:2").out


def test_a_replay_by_filter_takes_what_was_not_replayed_oldest_first(dead: Run, api: FakeApi) -> None:
    for number in range(60):
        api.add_letter(number)
    api.add_letter(60, replayed_at="2026-11-23T11:00:00Z")
    api.add_letter(61, cut=True)
    result = dead("replay", "--code", "wrong_schema", "--yes", "-o", "json")
    replayed = [one["id"] for one in json.loads(result.out)]
    assert replayed == [f"onenet.health:0:{number}" for number in range(60)]
    assert api.sent("POST") == [REPLAY, REPLAY]


def test_nothing_is_replayed_that_was_not_agreed_to(dead: Run, api: FakeApi) -> None:
    api.add_letter(1)
    assert dead("replay", "--code", "wrong_schema", stdin="n\n").code == 1
    assert dead("replay", "--code", "wrong_schema", "--dry-run").code == 0
    assert dead("replay").code == 2
    assert dead("replay", "onenet.health:0:1", "--code", "wrong_schema").code == 2
    assert api.sent("POST") == []


@pytest.mark.parametrize(
    ("outcome", "code"), [("replayed", 0), ("already_replayed", 0), ("gone", 4), ("cut", 5)]
)
def test_the_exit_code_says_what_became_of_it(dead: Run, api: FakeApi, outcome: str, code: int) -> None:
    letter = api.add_letter(1, outcome=outcome)
    result = dead("replay", letter["id"])
    assert result.code == code
    assert outcome in result.out


def test_others_than_administrators_are_told_why_they_see_nothing(dead: Run, api: FakeApi) -> None:
    letter = api.add_letter(1)
    for arguments in (["list"], ["show", letter["id"]], ["replay", letter["id"]]):
        result = dead(*arguments, user="alice")
        assert result.code == 4
        assert "only administrators" in result.err
    assert "only administrators" not in dead("show", "onenet.health:0:9").err
