"""``onenet findings``, against the fake API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.responses import JSONResponse

from onenet_client.client import Client
from tests.client.conftest import Run
from tests.client.fake_api import NOW, FakeApi, Thing


def add_finding(api: FakeApi, number: int, **other: Any) -> Thing:
    """One finding; its id begins with ``f00`` and the number."""
    finding: Thing = {
        "id": f"f00{number:05x}-0000-4000-8000-000000000000",
        "kind": "refused",
        "state": "OPEN",
        "severity": "WARNING",
        "summary": f"tcp/{number} from orders to billing is refused",
        "remedy": "change its l4filters",
        "evidence": {"flows": 12, "ports": ["tcp/445"]},
        "opened_at": NOW,
    }
    return api.store("findings", finding | other)


@pytest.mark.parametrize("command", ["list", "show", "ack", "mute", "reopen"])
def test_every_command_has_an_example(onenet: Run, command: str) -> None:
    assert f"onenet findings {command}" in onenet("findings", command, "--help").out.partition("Examples:")[2]


def test_the_help_says_what_every_kind_is(onenet: Run) -> None:
    shown = onenet("findings", "--help").out
    kinds = ("internet_detour", "cleartext", "refused", "idle", "near_limit", "cost_above_estimate")
    assert [kind for kind in kinds if kind not in shown] == []


def test_a_list_is_of_what_was_asked_for(onenet: Run, api: FakeApi) -> None:
    service = api.add_service("orders", "alice")
    add_finding(api, 1)
    add_finding(api, 2, state="MUTED")
    shown = onenet("findings", "list").out
    assert "tcp/1 from orders" in shown
    assert "change its l4filters" not in shown
    assert "change its l4filters" in onenet("findings", "list", "-o", "wide").out
    asked = ("--state", "MUTED", "--state", "CLOSED", "--kind", "refused", "--service", "orders")
    listed = json.loads(onenet("findings", "list", *asked, "-o", "json").out)
    assert [one["summary"] for one in listed] == ["tcp/2 from orders to billing is refused"]
    sent = api.requests[-1].query_params
    assert sent.getlist("state") == ["MUTED", "CLOSED"]
    assert (sent["kind"], sent["service"]) == ("refused", service["id"])


def test_no_findings_are_an_empty_list(onenet: Run) -> None:
    assert json.loads(onenet("findings", "list", "-o", "json").out) == []


def test_who_sees_a_part_of_the_list_is_told_so(onenet: Run, api: FakeApi) -> None:
    for number in range(3):
        add_finding(api, number)
    part, whole = onenet("findings", "list", "--limit", "2"), onenet("findings", "list", "--limit", "3")
    assert "only the first 2; --limit shows more" in part.err
    assert whole.err == ""


async def test_the_library_reads_every_page(api: FakeApi) -> None:
    for number in range(201):
        add_finding(api, number)
    async with Client(api.url, "alice") as client:
        found = await client.findings.find().all()
    assert [one.summary for one in found] == [one["summary"] for one in api.tables["findings"].values()]
    assert len(api.sent("GET")) == 2


def test_one_is_shown_with_its_evidence_and_its_remedy(onenet: Run, api: FakeApi) -> None:
    add_finding(api, 1, note="ours\x1b[2J", marked_by="bob")
    shown = onenet("findings", "show", "f00000")
    for words in ("refused", "tcp/1 from orders", "remedy", "change its l4filters", "12", "tcp/445", "bob"):
        assert words in shown.out
    assert "\x1b" not in shown.out
    assert "closed" not in shown.out
    assert "muted until" not in shown.out
    lines = [line.strip() for line in shown.out.splitlines()]
    assert lines[lines.index("evidence") + 1].split() == ["flows", "12"], "figures stand under their heading"
    assert json.loads(onenet("findings", "show", "f00000", "-o", "json").out)["evidence"]["flows"] == 12


def test_one_says_whose_it_is_and_how_long_it_is_muted(onenet: Run, api: FakeApi) -> None:
    services = [
        {"id": str(UUID(int=1)), "name": "billing", "owners": ["bob", "group:team-b"]},
        {"id": str(UUID(int=2)), "name": "orders", "owners": ["alice"]},
    ]
    add_finding(api, 1, state="MUTED", services=services, muted_until=NOW)
    shown = onenet("findings", "show", "f00000").out
    assert "billing (bob, group:team-b), orders (alice)" in shown
    assert "muted until" in shown
    listed = onenet("findings", "list", "--state", "MUTED", "-o", "wide").out
    assert "billing" in listed
    assert "orders" in listed


def test_an_answer_is_sent_with_its_note_and_can_be_taken_back(onenet: Run, api: FakeApi) -> None:
    finding = add_finding(api, 1)
    ended = onenet("findings", "ack", "f0000001", "--note", "on it")
    assert "ACKNOWLEDGED" in ended.out
    assert (finding["state"], finding["note"]) == ("ACKNOWLEDGED", "on it")
    assert "OPEN" in onenet("findings", "reopen", finding["id"]).out
    assert (finding["state"], finding["note"]) == ("OPEN", "")
    sent = [request for request in api.requests if request.method == "POST"]
    assert len({request.headers["Idempotency-Key"] for request in sent}) == 2


def test_muting_lasts_as_long_as_was_said_or_for_good(onenet: Run, api: FakeApi) -> None:
    finding = add_finding(api, 1)
    onenet("findings", "mute", "f0000001", "--for", "30d", "--note", "gone by then")
    until = datetime.fromisoformat(finding["muted_until"])
    assert timedelta(days=29) < until - datetime.now(UTC) <= timedelta(days=30)
    onenet("findings", "mute", "f0000001")
    assert (finding["state"], finding["muted_until"]) == ("MUTED", None)


def test_a_length_that_is_none_is_refused_before_anything_is_sent(onenet: Run, api: FakeApi) -> None:
    add_finding(api, 1)
    refused = onenet("findings", "mute", "f0000001", "--for", "a while")
    assert refused.code == 2
    assert "30d" in refused.err
    assert api.requests == []


def test_an_id_that_is_none_or_several_is_told_so(onenet: Run, api: FakeApi) -> None:
    add_finding(api, 1)
    add_finding(api, 2)
    several, none = onenet("findings", "ack", "f000"), onenet("findings", "ack", "abcd")
    assert (several.code, none.code) == (2, 4)
    assert "tcp/2 from orders to billing is refused" in several.err
    assert "no finding 'abcd'" in none.err
    assert api.sent("POST") == []


def test_why_the_api_refuses_is_said(onenet: Run, api: FakeApi) -> None:
    add_finding(api, 1)
    problem = {
        "type": "about:blank",
        "status": 409,
        "detail": "it is closed",
    }
    path = "/v1/findings/f0000001-0000-4000-8000-000000000000/acknowledge"
    api.away[path] = JSONResponse(problem, 409, media_type="application/problem+json")
    ended = onenet("findings", "ack", "f0000001")
    assert ended.code == 5
    assert "it is closed" in ended.err
