"""``onenet mail``, against the fake API."""

from __future__ import annotations

import json

import pytest

from tests.client.conftest import Run
from tests.client.fake_api import FakeApi


@pytest.mark.parametrize("command", ["show", "choose"])
def test_every_command_has_an_example(onenet: Run, command: str) -> None:
    assert f"onenet mail {command}" in onenet("mail", command, "--help").out.partition("Examples:")[2]


def test_who_chose_nothing_is_told_nothing(onenet: Run) -> None:
    shown = onenet("mail", "show")
    assert "off" in shown.out
    assert "nothing was chosen yet" in shown.err


def test_a_choice_for_one_service_leaves_the_others_as_they_were(onenet: Run, api: FakeApi) -> None:
    service = api.add_service("orders", "alice")
    onenet("mail", "choose", "daily")
    onenet("mail", "choose", "immediately", "--service", "orders", "--type", "connection.failed")
    assert api.mail["everything"] == {"when": "daily", "types": []}
    assert api.mail["services"] == {service["id"]: {"when": "immediately", "types": ["connection.failed"]}}
    shown = onenet("mail", "show")
    assert "orders" in shown.out
    assert "mails go to alice@example.com" in shown.err
    onenet("mail", "choose", "hourly")
    assert (api.mail["everything"]["when"], len(api.mail["services"])) == ("hourly", 1)
    chosen = json.loads(onenet("mail", "choose", "off", "--as-others", "-o", "json").out)
    assert (chosen["everything"]["when"], chosen["services"]) == ("off", {})


def test_what_cannot_be_meant_is_refused_before_anything_is_sent(onenet: Run, api: FakeApi) -> None:
    assert onenet("mail", "choose", "weekly").code == 2
    assert onenet("mail", "choose", "daily", "--service", "orders", "--as-others").code == 2
    assert api.requests == []
