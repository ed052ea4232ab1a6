"""``onenet webhooks``, against the fake API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.responses import JSONResponse

from onenet_client.client import Client
from onenet_client.errors import NotFound
from tests.client.conftest import Run
from tests.client.fake_api import NOW, FakeApi, Thing
from tests.client.fake_routes import SECRET

URL = "https://example.com/onenet"
COMMANDS = ("list", "show", "create", "change", "rotate", "test", "replay", "deliveries", "delete")


@pytest.fixture
def orders(api: FakeApi) -> Thing:
    return api.add_service("orders", "alice")


def attempt(number: int = 1, **other: Any) -> Thing:
    return {
        "id": f"a0000000-0000-4000-8000-{number:012x}",
        "time": NOW,
        "event_id": "b0000000-0000-4000-8000-000000000000",
        "type": "onenet.connection.failed.v1",
        "number": number,
        "outcome": "delivered",
        "status": 200,
        "error": "",
        "milliseconds": 12,
        **other,
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(onenet: Run, command: str) -> None:
    assert f"onenet webhooks {command}" in onenet("webhooks", command, "--help").out.partition("Examples:")[2]


def test_the_secret_is_shown_when_it_is_made_and_never_again(
    onenet: Run, api: FakeApi, orders: Thing
) -> None:
    made = onenet("webhooks", "create", "orders", URL, "--type", "connection.failed", "--description", "ours")
    assert SECRET in made.out
    assert "this once and never again" in made.err
    stored = api.only("webhooks")
    assert (stored["url"], stored["types"], stored["description"]) == (URL, ["connection.failed"], "ours")
    for command in (("list", "-o", "wide"), ("show", stored["id"]), ("show", stored["id"], "-o", "json")):
        shown = onenet("webhooks", *command)
        assert (URL in shown.out, "whsec" in shown.out, "SECRET" in shown.out) == (True, False, False)
    rotated = onenet("webhooks", "rotate", URL, "--grace-hours", "2", "-o", "json")
    assert json.loads(rotated.out)["secret"] == SECRET
    assert "this once and never again" in rotated.err
    assert api.sent("POST")[-1].endswith(f"{stored['id']}/rotate")


def test_who_lost_the_answer_with_the_secret_is_told_what_to_do(
    onenet: Run, api: FakeApi, orders: Thing
) -> None:
    repeated = JSONResponse(api.add_webhook(orders, 1), 201, {"Idempotency-Replayed": "true"})
    api.away[f"/v1/services/{orders['id']}/webhooks"] = repeated
    made = onenet("webhooks", "create", "orders", URL)
    assert made.code == 0
    assert "onenet webhooks rotate" in made.err


def test_a_list_is_of_one_service_or_of_all_of_the_callers(onenet: Run, api: FakeApi, orders: Thing) -> None:
    billing, foreign = api.add_service("billing", "alice"), api.add_service("other", "bob")
    for number, service in enumerate((orders, billing, foreign)):
        api.add_webhook(service, number)
    every = json.loads(onenet("webhooks", "list", "-o", "json").out)
    assert [one["url"] for one in every] == ["https://example.com/0", "https://example.com/1"]
    one = json.loads(onenet("webhooks", "list", "--service", "billing", "-o", "json").out)
    assert [one["url"] for one in one] == ["https://example.com/1"]


def test_one_that_is_disabled_says_why_and_can_be_enabled(onenet: Run, api: FakeApi, orders: Thing) -> None:
    webhook = api.add_webhook(orders, 1, enabled=False, disabled_reason="it answered 410")
    assert "it answered 410" in onenet("webhooks", "show", "e00").out
    assert "yes" in onenet("webhooks", "change", "e00", "--enable", "--type", "finding.opened").out
    assert (webhook["enabled"], webhook["types"], webhook["url"]) == (
        True,
        ["finding.opened"],
        "https://example.com/1",
    )
    onenet("webhooks", "change", "e00", "--all-types")
    assert webhook["types"] == []
    for wrong in ((), ("--all-types", "--type", "finding.opened")):
        assert onenet("webhooks", "change", "e00", *wrong).code == 2


def test_a_test_says_what_came_of_it_also_by_its_exit_code(onenet: Run, api: FakeApi, orders: Thing) -> None:
    api.add_webhook(orders, 1)
    api.attempts = [attempt()]
    assert (onenet("webhooks", "test", "e00").code, api.sent("POST")[-1].endswith("/test")) == (0, True)
    api.attempts = [attempt(outcome="failed", status=None, error="the certificate is not for this name")]
    failed = onenet("webhooks", "test", "e00")
    assert failed.code == 1
    assert "the certificate is not for this name" in failed.err


def test_a_replay_begins_where_it_was_asked_to(onenet: Run, api: FakeApi, orders: Thing) -> None:
    api.add_webhook(orders, 1)
    assert "2 deliveries" in onenet("webhooks", "replay", "e00", "--since", "2h").err
    assert onenet("webhooks", "replay", "e00").code == 2


async def test_the_library_sends_the_time_of_a_replay_in_the_apis_word(api: FakeApi, orders: Thing) -> None:
    webhook = UUID(api.add_webhook(orders, 1)["id"])
    begin = datetime.now(UTC) - timedelta(hours=2)
    async with Client(api.url, "alice") as client:
        assert await client.webhooks.replay(UUID(orders["id"]), webhook, begin) == 2
        with pytest.raises(NotFound):
            await client.webhooks.get(UUID(orders["id"]), UUID(int=1))
    assert api.told == [{"from": begin.isoformat()}]


def test_deliveries_are_listed_and_a_part_of_them_is_told_so(
    onenet: Run, api: FakeApi, orders: Thing
) -> None:
    api.add_webhook(orders, 1)
    api.attempts = [attempt(number, error="away\x1b[2J") for number in range(3)]
    part = onenet("webhooks", "deliveries", "e00", "--limit", "2")
    assert "only the first 2; --limit shows more" in part.err
    assert ("onenet.connection.failed.v1" in part.out, "\x1b" in part.out) == (True, False)
    assert len(json.loads(onenet("webhooks", "deliveries", "e00", "-o", "json").out)) == 3


def test_deleting_asks_first(onenet: Run, api: FakeApi, orders: Thing) -> None:
    api.add_webhook(orders, 1, waiting=7)
    refused = onenet("webhooks", "delete", "e00", stdin="n\n")
    assert "for which 7 deliveries wait" in refused.err
    assert len(api.tables["webhooks"]) == 1
    assert onenet("webhooks", "delete", "e00", "--yes").code == 0
    assert api.tables["webhooks"] == {}


def test_an_id_that_is_none_or_several_is_told_so(onenet: Run, api: FakeApi, orders: Thing) -> None:
    for number in (1, 2):
        api.add_webhook(orders, number)
    several, none = onenet("webhooks", "test", "e00"), onenet("webhooks", "test", "abcd")
    assert (several.code, none.code) == (2, 4)
    assert "https://example.com/2" in several.err
    assert "`onenet webhooks list` lists them" in none.err
