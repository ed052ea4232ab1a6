"""What owners see of their traffic: series, the map of dependencies, and who sees what of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import httpx
import pytest

from onenet_api.dependencies import routes
from onenet_monitor.flows.partitions import Partitioned, make
from tests.integration.api_scene import ADMIN, Owner, Scene
from tests.integration.monitor_scene import MonitorScene, Traffic, now


@pytest.fixture
async def connection(left: Owner, right: Owner) -> UUID:
    sides = {"resource_left": left.resources[0], "resource_right": right.resources[0]}
    return UUID((await left.http.post("/v1/connections", json=sides)).json()["id"])


def between(left: Owner, right: Owner, connection: UUID | None, **other: Any) -> Traffic:
    """Left asks right, five minutes ago."""
    at = now() - timedelta(minutes=5)
    return Traffic(at, UUID(left.resources[0]), UUID(right.resources[0]), connection, **other)


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_traffic_counts_once_what_both_ends_saw(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    asked = between(left, right, connection)
    await monitor.count(asked, asked.seen_by("target", 990), asked.back(5000))
    for client in (left.http, right.http):
        for step in ("minute", "hour", "day"):
            shown = await got(client, f"/v1/connections/{connection}/traffic", step=step)
            (point,) = shown["points"]
            assert point["left_to_right"] == {"bytes": 1000, "packets": 1, "flows": 1}
            assert point["right_to_left"]["bytes"] == 5000
            assert point["refused"]["flows"] == 0
            assert [(port["port"], port["bytes"]) for port in shown["ports"]] == [(443, 6000)]
            assert shown["last_seen"] is not None


async def test_what_was_refused_is_told_apart(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    await monitor.count(
        between(left, right, connection),
        between(left, right, connection, port=5432, accepted=False, observer="target", flows=7),
    )
    shown = await got(left.http, f"/v1/connections/{connection}/traffic", step="minute")
    assert [point["refused"]["flows"] for point in shown["points"]] == [7]
    assert [point["left_to_right"]["flows"] for point in shown["points"]] == [1]
    assert {(port["port"], port["refused"]) for port in shown["ports"]} == {(443, False), (5432, True)}


async def test_a_range_is_shown_in_whole_steps(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    at = now().replace(minute=30) - timedelta(hours=3)
    await monitor.count(*(Traffic(at + timedelta(hours=hour), UUID(left.resources[0]),
                                  UUID(right.resources[0]), connection) for hour in range(3)))  # fmt: skip
    path = f"/v1/connections/{connection}/traffic"
    # The hour in which it begins is shown whole, the one in which it ends is cut off before.
    query = {
        "since": (at + timedelta(minutes=20)).isoformat(),
        "until": (at + timedelta(hours=1)).isoformat(),
    }
    assert len((await got(left.http, path, **query))["points"]) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"step": "second"}, "step"),
        ({"since": "2026-11-25T10:00:00"}, "since"),
        ({"since": "2026-11-25T10:00:00Z", "until": "2026-11-25T10:00:00Z"}, "since"),
        ({"step": "minute", "since": "2026-11-20T10:00:00Z", "until": "2026-11-25T10:00:00Z"}, "since"),
        ({"until": "0001-01-01T00:00:00Z"}, "until"),
        ({"until": "0.5"}, "until"),
        ({"stop": "1"}, "stop"),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(
    monitor: MonitorScene, left: Owner, connection: UUID, query: dict[str, str], field: str
) -> None:
    answer = await left.http.get(f"/v1/connections/{connection}/traffic", params=query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_others_see_no_traffic(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, connection: UUID
) -> None:
    await monitor.count(between(left, right, connection))
    stranger = scene.user("zoe")
    assert (await stranger.get(f"/v1/connections/{connection}/traffic")).status_code == 404
    assert (await got(stranger, "/v1/traffic"))["items"] == []
    assert await got(stranger, "/v1/dependencies") == {"nodes": [], "edges": [], "next": None}
    admin = scene.user(*ADMIN[:1], *ADMIN[1])
    assert len((await got(admin, "/v1/dependencies"))["edges"]) == 1
    assert len((await got(admin, "/v1/traffic"))["items"]) == 1


async def test_the_busiest_connections(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    await monitor.count(between(left, right, connection, bytes=10), between(left, right, connection).back(7))
    (item,) = (await got(right.http, "/v1/traffic", minutes=15))["items"]
    assert item["connection"] == str(connection)
    assert (item["left"], item["right"]) == ("lena's", "ravi's")
    assert (item["left_to_right"]["bytes"], item["right_to_left"]["bytes"]) == (10, 7)
    assert (await got(right.http, "/v1/traffic", minutes=2))["items"] == []


async def test_the_map_of_dependencies(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    asked = between(left, right, connection)
    internal = Traffic(asked.at, UUID(left.resources[0]), UUID(left.resources[1]), kind="other", port=22)
    outside = Traffic(asked.at, UUID(right.resources[0]), None, kind="internet", port=80)
    await monitor.count(asked, asked.seen_by("target", 990), asked.back(5000), internal, outside)
    graph = await got(left.http, "/v1/dependencies")
    edges = {(edge["carried_by"], edge["port"]): edge for edge in graph["edges"]}
    assert set(edges) == {("connection", 443), ("other", 22)}
    over = edges["connection", 443]
    assert (over["client"], over["server"]) == (left.resources[0], right.resources[0])
    assert (over["connection"], over["bytes"], over["flows"]) == (str(connection), 6000, 2)
    assert over["first_seen"] == over["last_seen"]
    assert over["last_seen"].endswith("Z")
    assert datetime.fromisoformat(over["last_seen"]) == asked.at
    nodes = {node["resource"]: node for node in graph["nodes"]}
    assert nodes[left.resources[0]]["owned"]
    assert nodes[right.resources[0]] == {
        "resource": right.resources[0],
        "name": "AWS\\vpc-2",
        "service": right.service,
        "service_name": "ravi's",
        "owned": False,
    }
    theirs = await got(right.http, "/v1/dependencies")
    assert {(edge["carried_by"], edge["server"]) for edge in theirs["edges"]} == {
        ("connection", right.resources[0]),
        ("internet", None),
    }


async def test_the_map_is_narrowed_and_comes_in_pages(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    await monitor.count(*(between(left, right, connection, port=port) for port in (22, 443, 5432)))
    await monitor.count(Traffic(now(), UUID(left.resources[1]), None, kind="internet", port=80))
    path = "/v1/dependencies"
    assert len((await got(left.http, path, resource=left.resources[1]))["edges"]) == 1
    assert len((await got(left.http, path, service=right.service))["edges"]) == 3
    assert len((await got(left.http, path, connection=str(connection)))["edges"]) == 3
    assert len((await got(left.http, path, carried_by="internet"))["edges"]) == 1
    seen: list[str] = []
    cursor = None
    while True:
        page = await got(left.http, path, limit=1, **({"cursor": cursor} if cursor else {}))
        assert len(page["edges"]) == 1
        seen += [edge["id"] for edge in page["edges"]]
        if (cursor := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == 4


@pytest.mark.parametrize("part", [1, 2, 3])
async def test_a_map_that_is_sent_in_parts_is_whole(
    monitor: MonitorScene,
    left: Owner,
    right: Owner,
    connection: UUID,
    monkeypatch: pytest.MonkeyPatch,
    part: int,
) -> None:
    monkeypatch.setattr(routes, "PART", part)
    await monitor.count(*(between(left, right, connection, port=port) for port in (22, 443, 5432)))
    graph = await got(left.http, "/v1/dependencies")
    assert sorted(edge["port"] for edge in graph["edges"]) == [22, 443, 5432]
    assert len(graph["nodes"]) == 2


async def test_without_a_monitor_these_routes_alone_are_away(
    monitor: MonitorScene, left: Owner, connection: UUID
) -> None:
    await monitor.run("ALTER SCHEMA monitor RENAME TO elsewhere")
    try:
        for path in (
            f"/v1/connections/{connection}/traffic",
            "/v1/traffic",
            "/v1/dependencies",
            "/v1/findings",
        ):
            answer = await left.http.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["type"] == "urn:onenet:problem:monitor-unavailable"
        assert (await left.http.get(f"/v1/connections/{connection}")).status_code == 200
    finally:
        await monitor.run("ALTER SCHEMA elsewhere RENAME TO monitor")


async def test_what_was_counted_before_there_were_edges_is_taken_over_whole(
    monitor: MonitorScene, left: Owner, right: Owner, connection: UUID
) -> None:
    """The scene counts as the release before did, and a trigger makes edges of it."""
    asked = between(left, right, connection)
    for _ in range(2):
        await monitor.count(asked, asked.seen_by("target", 990), asked.back(5000))
    await monitor.count(Traffic(now(), UUID(left.resources[1]), None, kind="internet", port=80))
    by_trigger = await edges(monitor)
    assert [row["asked_bytes_at_client"] for row in by_trigger] == [2000, 1000]
    assert [row["answered_bytes_at_client"] for row in by_trigger] == [10_000, 0]
    assert [row["server_logged_at"] is None for row in by_trigger] == [False, True]
    await monitor.run("TRUNCATE edges")
    await monitor.run(import_module("onenet_monitor.migrations.versions.0006_edges").COPY)
    assert await edges(monitor) == by_trigger


async def edges(monitor: MonitorScene) -> list[dict[str, Any]]:
    async with monitor.database.acquire() as connection:
        return [dict(row) for row in await connection.fetch("SELECT * FROM edges ORDER BY kind")]


@pytest.mark.parametrize("unit", ["minute", "hour"])
async def test_asking_for_some_days_reads_no_others(monitor: MonitorScene, unit: str) -> None:
    table = Partitioned(f"flow_{unit}s", 7)
    today = now().date()
    days = [today - timedelta(days=back) for back in range(4)]
    await make(monitor.database, table, days)
    async with monitor.database.acquire() as connection:
        plan = await connection.fetch(
            f"EXPLAIN SELECT since FROM traffic_{unit}s WHERE since BETWEEN '{today}' AND '{today} 12:00'"
        )
    read = "\n".join(row[0] for row in plan)
    assert table.name(today) in read
    assert not [day for day in days[1:] if table.name(day) in read]
