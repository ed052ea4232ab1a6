"""``onenet health`` and ``onenet describe``, against the fake API."""

from __future__ import annotations

import json

import pytest
from fastapi.responses import JSONResponse

from onenet_client.cli.health import lasted, percent
from onenet_client.models import Availability
from tests.client.conftest import Run
from tests.client.fake_api import NOW, FakeApi, Thing

HEALTH = {
    "health": "DOWN",
    "since": NOW,
    "reasons": ["control-plane: DOWN since 2026-11-23T10:00:00Z"],
    "sources": [
        {
            "source": "control-plane",
            "health": "DOWN",
            "since": NOW,
            "latest": "DOWN",
            "sampled_at": NOW,
            "age": 12.4,
            "reasons": ["rtb-1 has lost a route"],
            "hidden_reasons": 2,
        },
        {"source": "provider", "health": "UP", "since": NOW, "latest": "UP", "sampled_at": NOW, "age": 9.0},
    ],
    "availability": [
        {"month": month, "available_seconds": 1e6, "down_seconds": down, "unknown_seconds": 90, "ratio": r}
        for month, down, r in (("2026-11", 3723.0, 0.99629), ("2026-10", 0.0, None))
    ],
}


@pytest.fixture
def connection(api: FakeApi) -> Thing:
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    api.add_service("billing", "bob", vpcs=[("vpc-2", "10.1.0.0/16")])
    left, right = api.tables["resources"]
    api.health = HEALTH
    asked = api.request_connection("alice", {"resource_left": left, "resource_right": right, "name": "pay"})
    return asked | {"state": "ESTABLISHED"}


def test_health_shows_the_verdict_its_sources_and_the_months(onenet: Run, connection: Thing) -> None:
    shown = onenet("health", "pay").out
    for words in (
        "DOWN",
        "control-plane: DOWN since 2026-11-23T10:00:00Z",
        "12 s ago: DOWN",
        "rtb-1 has lost a route; 2 more, for the other side's owner",
        "99.629 %",
        "1h 2m",
        "1m 30s",
    ):
        assert words in shown


def test_health_as_json_is_what_the_api_told(onenet: Run, connection: Thing) -> None:
    told = json.loads(onenet("health", connection["id"][:8], "-o", "json").out)
    assert (told["connection"], told["health"]) == (connection["id"], "DOWN")
    assert told["sources"][0]["reasons"] == ["rtb-1 has lost a route"]
    assert [month["down_seconds"] for month in told["availability"]] == [3723.0, 0.0]


def test_description_has_a_line_of_availability_and_of_each_source_that_complains(
    onenet: Run, connection: Thing
) -> None:
    lines = onenet("describe", "pay").out.splitlines()
    assert any("orders/vpc-1 and billing/vpc-2" in line for line in lines)
    assert any(line.startswith("says") and "rtb-1 has lost a route" in line for line in lines)
    [availability] = [line for line in lines if line.startswith("availability")]
    assert availability.split() == ["availability", "2026-11:", "99.629", "%,", "down", "1h", "2m"]


def test_description_does_without_the_monitor_and_health_says_what_is_wrong(
    onenet: Run, api: FakeApi, connection: Thing
) -> None:
    away = {"type": "urn:onenet:problem:monitor-unavailable", "status": 503, "detail": "no views here"}
    refusal = JSONResponse(away, 503, {"Retry-After": "300"}, media_type="application/problem+json")
    key = connection["id"]
    api.away[f"/v1/connections/{key}/health"] = refusal
    described, asked = onenet("describe", key), onenet("health", key)
    assert described.code == 0
    assert "cannot be told now" in described.out
    assert asked.code != 0
    assert "no views here" in asked.err


def test_nothing_that_was_ever_down_is_said_to_be_available_all_the_time() -> None:
    month = {"month": "2026-11", "available_seconds": 1, "down_seconds": 1, "unknown_seconds": 0}
    assert percent(Availability.model_validate({**month, "ratio": 0.9999999})) == "99.999 %"
    assert percent(Availability.model_validate({**month, "ratio": 1})) == "100.000 %"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, ""), (9.4, "9s"), (90, "1m 30s"), (3723, "1h 2m"), (86_400, "1d 0h"), (2_678_400, "31d 0h")],
)
def test_a_time_is_told_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert lasted(seconds) == said
