"""A connection's health, told by the monitor through its views and shown to the owners of its sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from onenet_common.bus import in_transaction
from onenet_common.connection import Sample
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import HealthSampled
from onenet_monitor.handlers import handle
from tests import databases
from tests.integration.api_scene import ADMIN, Owner, Scene
from tests.integration.test_api_connections import ask, establish, pending


class Clock:
    """When the test began: what was heard minutes ago is not told as true any more."""

    now = datetime.now(UTC)


@pytest.fixture(autouse=True)
def clock() -> None:
    Clock.now = datetime.now(UTC)


OURS, THEIRS, BOTHS, NOBODYS = "rtb-1 is changed", "rtb-2 is changed", "pcx-1 is active", "role refused"


@pytest.fixture
async def monitor(monitor_views: str) -> AsyncIterator[Database]:
    """The monitor's own schema, beside the API's."""
    database = Database(monitor_views, schema="monitor", size=2)
    await database.start()
    async with database.acquire() as connection:
        await connection.execute(databases.emptying(["verdicts", "health_periods", "outbox", "inbox"]))
    yield database
    await database.stop()


@pytest.fixture
async def established(scene: Scene, left: Owner, right: Owner) -> dict[str, Any]:
    """Between lena's and ravi's networks."""
    asked = await pending(left, right)
    agreed = (await ask(right, right.resources[0], left.resources[0])).json()
    await establish(scene, agreed)
    return asked


async def sampled(monitor: Database, connection: dict[str, Any], *samples: Sample) -> None:
    found = {"connection_id": UUID(connection["id"]), "generation": 1}
    messages = [Message.of(HealthSampled(**found, sample=sample)) for sample in samples]
    await in_transaction(monitor, "monitor", handle)(messages)


def looked(health: str, second: int, **other: Any) -> Sample:
    at = Clock.now - timedelta(seconds=100 - second)
    return Sample.model_validate({"source": "control-plane", "health": health, "at": at, **other})


async def health(owner: Owner, connection: dict[str, Any]) -> httpx.Response:
    return await owner.http.get(f"/v1/connections/{connection['id']}/health")


async def test_health_tells_what_who_since_when_and_how_long(
    monitor: Database, left: Owner, established: dict[str, Any]
) -> None:
    down = {"reasons": [OURS], "sides": ["left"]}
    await sampled(
        monitor, established, looked("UP", 0), looked("DOWN", 60, **down), looked("DOWN", 70, **down)
    )
    await sampled(monitor, established, looked("UP", 75, source="provider", reasons=[BOTHS], sides=["both"]))
    answer = await health(left, established)
    assert answer.status_code == 200
    seen = answer.json()
    since = f"{Clock.now - timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}"
    assert (seen["health"], seen["reasons"]) == ("DOWN", [f"control-plane: DOWN since {since}"])
    assert datetime.fromisoformat(seen["since"]) == Clock.now - timedelta(seconds=30)
    watchdog, provider = seen["sources"]
    assert (watchdog["source"], watchdog["health"], watchdog["reasons"]) == ("control-plane", "DOWN", [OURS])
    assert watchdog["age"] >= 30
    assert (provider["source"], provider["health"], provider["reasons"]) == ("provider", "UP", [BOTHS])
    assert sum(month["available_seconds"] for month in seen["availability"]) == 70
    assert sum(month["down_seconds"] for month in seen["availability"]) >= 30
    assert seen["availability"][0]["ratio"] < 1


async def test_health_is_shared_and_words_about_an_account_are_not(
    monitor: Database, scene: Scene, left: Owner, right: Owner, established: dict[str, Any]
) -> None:
    reasons = {"reasons": [OURS, THEIRS, BOTHS, NOBODYS], "sides": ["left", "right", "both"]}
    await sampled(monitor, established, looked("DOWN", 0, **reasons))
    root = Owner("root", scene.user(ADMIN[0], *ADMIN[1]))
    shown = {}
    for owner in (left, right, root):
        seen = (await health(owner, established)).json()
        assert seen["health"] == "DOWN"
        [source] = seen["sources"]
        shown[owner.name] = (source["reasons"], source["hidden_reasons"])
        assert not any(word in str(seen["reasons"]) for word in (OURS, THEIRS, BOTHS, NOBODYS))
    assert shown == {
        "lena": ([OURS, BOTHS], 2),
        "ravi": ([THEIRS, BOTHS], 2),
        "root": ([OURS, THEIRS, BOTHS, NOBODYS], 0),
    }


async def test_for_others_there_is_no_health_as_there_is_no_connection(
    monitor: Database, scene: Scene, established: dict[str, Any]
) -> None:
    eve = Owner("eve", scene.user("eve"))
    answer = await health(eve, established)
    connection = await eve.http.get(f"/v1/connections/{established['id']}")
    assert answer.status_code == connection.status_code == 404
    assert answer.json()["detail"] == connection.json()["detail"]


async def test_what_nothing_has_looked_at_is_unknown(
    monitor: Database, left: Owner, established: dict[str, Any]
) -> None:
    seen = (await health(left, established)).json()
    assert (seen["health"], seen["since"], seen["sources"], seen["availability"]) == ("UNKNOWN", None, [], [])
    assert seen["reasons"] == ["nothing has looked at it: it is not established, or was taken down"]


async def test_what_was_heard_long_ago_is_not_told_as_true(
    monitor: Database, left: Owner, established: dict[str, Any]
) -> None:
    await sampled(monitor, established, looked("UP", -3600))
    seen = (await health(left, established)).json()
    assert seen["health"] == seen["sources"][0]["health"] == "UNKNOWN"
    assert seen["reasons"][0].startswith("nothing heard since ")


async def test_without_the_monitor_health_alone_is_away(
    scene: Scene, left: Owner, established: dict[str, Any], monitor_views: str
) -> None:
    async with scene.database.acquire() as connection:
        await connection.execute("ALTER SCHEMA monitor RENAME TO monitor_elsewhere")
        try:
            answer = await health(left, established)
            other = await left.http.get(f"/v1/connections/{established['id']}")
        finally:
            await connection.execute("ALTER SCHEMA monitor_elsewhere RENAME TO monitor")
    assert (answer.status_code, other.status_code) == (503, 200)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:onenet:problem:monitor-unavailable"
    assert "the monitor has not set up its views" in answer.json()["detail"]
    assert (await health(left, established)).status_code == 200


async def test_thirteen_months_are_told_at_most(
    monitor: Database, left: Owner, established: dict[str, Any]
) -> None:
    years_ago = Clock.now - timedelta(days=800)
    async with monitor.acquire() as connection:
        await connection.execute(
            "INSERT INTO health_periods VALUES ($1, $2, $3, 'UP')",
            UUID(established["id"]),
            years_ago,
            Clock.now,
        )
    months = [month["month"] for month in (await health(left, established)).json()["availability"]]
    assert (len(months), months[0]) == (13, f"{Clock.now:%Y-%m}")
    assert months == sorted(months, reverse=True)


async def test_the_description_has_the_route_with_an_example(scene: Scene) -> None:
    document = scene.app.openapi()
    operation = document["paths"]["/v1/connections/{connection_id}/health"]["get"]
    assert {"200", "401", "404", "422", "503"} <= set(operation["responses"])
    assert "example" in document["components"]["schemas"]["HealthView"]
