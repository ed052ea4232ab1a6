"""Findings from the sums to the owners' answers: opened, told, marked, closed by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from onenet_common.connection import Alternative, CType, Resource
from onenet_common.envelope import Message, decode
from onenet_common.events import (
    ConnectionEstablished,
    ConnectionEvaluated,
    Event,
    FindingClosed,
    ResourceDiscovered,
)
from onenet_evaluator.evaluation import evaluate
from onenet_evaluator.paths import read
from onenet_monitor.cleartext import DEFAULT, parse
from onenet_monitor.findings.inspector import Inspector
from onenet_monitor.main import follow
from tests.integration.api_scene import Owner, Scene
from tests.integration.monitor_scene import MonitorScene, Traffic, now
from tests.samples import wish


@pytest.fixture
def inspector(monitor: MonitorScene) -> Inspector:
    return Inspector(monitor.database, parse(DEFAULT), interval=3600)


async def known(monitor: MonitorScene, scene: Scene, left: Owner, right: Owner) -> UUID:
    """Both networks and an established connection between them, as their events tell the monitor."""
    async with scene.database.acquire() as connection:
        ids = [UUID(left.resources[0]), UUID(right.resources[0])]
        rows = await connection.fetch("SELECT id, snapshot FROM resources WHERE id = ANY($1)", ids)
    networks = {row["id"]: Resource.model_validate(row["snapshot"]) for row in rows}
    wanted = wish(left=networks[ids[0]], right=networks[ids[1]])
    best = evaluate(wanted, read())
    assert best.ctype is CType.AWS_PEERING
    await tell(
        monitor,
        *(
            Message.of(ResourceDiscovered(resource_id=id_, at=now(), resource=one))
            for id_, one in networks.items()
        ),
        evaluated(wanted.id, best.alternatives, wanted),
        Message.of(
            ConnectionEstablished(
                connection_id=wanted.id,
                generation=1,
                ctype=CType.AWS_PEERING,
                details={"peering_id": "pcx-1"},
            )
        ),
    )
    return wanted.id


def evaluated(id_: UUID, alternatives: Sequence[Alternative], wanted: Any) -> Message:
    return Message.of(
        ConnectionEvaluated(
            connection_id=id_,
            generation=1,
            wish=wanted,
            ctype=CType.AWS_PEERING,
            alternatives=tuple(alternatives),
        )
    )


async def tell(monitor: MonitorScene, *messages: Message) -> None:
    async with monitor.database.transaction() as connection:
        await follow(messages, connection)


async def told(monitor: MonitorScene) -> list[tuple[str, str]]:
    """What was published since the last time: verb and kind."""
    return [(event.happening(), event.model_dump()["kind"]) for event in await published(monitor)]


async def published(monitor: MonitorScene) -> list[Event]:
    """What was published since the last time."""
    async with monitor.database.acquire() as connection:
        rows = await connection.fetch("DELETE FROM outbox RETURNING *")
    found = []
    for row in rows:
        message = decode(row["value"], [(name, text.encode()) for name, text in row["headers"].items()])
        assert message is not None
        found.append(message.event)
    return found


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/findings", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_finding_opens_is_told_once_and_closes_by_itself(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    connection = await known(monitor, scene, left, right)
    ends = (UUID(left.resources[0]), UUID(right.resources[0]))
    await monitor.count(Traffic(now(), *ends, connection, port=5432, bytes=777))
    await inspector.inspect()
    assert await told(monitor) == [("opened", "cleartext")]
    (finding,) = await listed(left.http)
    assert finding["summary"] == "postgresql (tcp/5432) from AWS\\vpc-1 to AWS\\vpc-2 is in the clear"
    assert finding["evidence"]["bytes"] == 777
    assert (finding["state"], finding["connection"]) == ("OPEN", str(connection))
    owners = {one["id"]: one["owners"] for one in finding["services"]}
    assert owners == {side.service: [side.name] for side in (left, right)}
    await monitor.count(Traffic(now(), *ends, connection, port=5432, bytes=223))
    await inspector.inspect()
    assert await told(monitor) == []
    (again,) = await listed(left.http)
    assert (again["opened_at"], again["evidence"]["bytes"]) == (finding["opened_at"], 1000)
    assert again["confirmed_at"] > finding["confirmed_at"]
    await monitor.run("DELETE FROM flow_hours")
    await inspector.inspect()
    (closed,) = await published(monitor)
    assert isinstance(closed, FindingClosed)
    assert (closed.kind, closed.summary) == ("cleartext", finding["summary"])
    assert await listed(left.http) == []
    (gone,) = await listed(left.http, state="CLOSED")
    assert gone["closed_at"] is not None


async def test_an_acknowledgement_ends_with_the_finding_and_a_muting_does_not(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    connection = await known(monitor, scene, left, right)
    traffic = Traffic(now(), UUID(left.resources[0]), UUID(right.resources[0]), connection, port=23)

    async def opens_again() -> None:
        await monitor.run("DELETE FROM flow_hours")
        await inspector.inspect()
        await monitor.count(traffic)
        await inspector.inspect()

    await monitor.count(traffic)
    await inspector.inspect()
    (finding,) = await listed(right.http)
    path = f"/v1/findings/{finding['id']}"
    marked = await right.http.post(f"{path}/acknowledge", json={"note": "we are on it"})
    assert (marked.json()["state"], marked.json()["marked_by"]) == ("ACKNOWLEDGED", "ravi")
    assert await listed(left.http) == []
    assert [one["note"] for one in await listed(left.http, state="ACKNOWLEDGED")] == ["we are on it"]
    await opens_again()
    assert [one["state"] for one in await listed(left.http)] == ["OPEN"]

    await left.http.post(f"{path}/mute", json={})
    await opens_again()
    assert await listed(left.http) == []
    assert (await left.http.get(path)).json()["state"] == "MUTED"
    past = (now() - timedelta(seconds=1)).isoformat()
    await left.http.post(f"{path}/mute", json={"until": past})
    assert len(await listed(left.http)) == 1
    await left.http.post(f"{path}/mute", json={})
    reopened = await left.http.post(f"{path}/reopen")
    assert (reopened.status_code, reopened.json()["state"]) == (200, "OPEN")
    audit = (await left.http.get("/v1/audit", params={"object_id": finding["id"]})).json()["items"]
    assert {entry["action"] for entry in audit} == {"finding.acknowledge", "finding.mute", "finding.reopen"}


async def test_others_find_nothing(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    await known(monitor, scene, left, right)
    # Between a network of left's and the internet: no business of right's.
    await monitor.count(Traffic(now(), UUID(left.resources[0]), None, kind="internet", port=80))
    await inspector.inspect()
    (finding,) = await listed(left.http)
    for other in (right.http, scene.user("zoe")):
        assert await listed(other) == []
        for method, path in (("GET", ""), ("POST", "/reopen")):
            answer = await other.request(method, f"/v1/findings/{finding['id']}{path}")
            assert answer.status_code == 404
        muting = await other.post(f"/v1/findings/{finding['id']}/mute", json={})
        assert muting.status_code == 404


async def test_refused_traffic_says_which_filter_it_was(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    ends = (UUID(left.resources[0]), UUID(right.resources[0]))
    refused = Traffic(
        now(), *ends, None, kind="other", port=9999, accepted=False, observer="target", flows=50
    )
    await monitor.count(refused)
    await inspector.inspect()
    (before,) = await listed(right.http, kind="refused")
    assert before["remedy"].startswith("no connection joins the two")
    await known(monitor, scene, left, right)
    await inspector.inspect()
    (after,) = await listed(right.http, kind="refused")
    assert after["id"] == before["id"]
    assert "look at the security groups" in after["remedy"]


async def test_a_network_whose_logs_hold_nothing_but_refusals_is_heard_to_be_silent(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    await known(monitor, scene, left, right)
    await monitor.run("UPDATE links SET valid_from = now() - interval '8 days'")
    knocked = Traffic(
        now() - timedelta(days=3), None, UUID(left.resources[0]), kind="internet", accepted=False,
        observer="target",
    )  # fmt: skip
    await monitor.count(knocked)
    await inspector.inspect()
    assert await told(monitor) == []
    await monitor.count(replace(knocked, at=now()))
    await inspector.inspect()
    assert await told(monitor) == [("opened", "idle")]


async def test_two_replicas_that_look_at_once_open_it_once(
    monitor: MonitorScene, scene: Scene, left: Owner, right: Owner, inspector: Inspector
) -> None:
    await monitor.count(Traffic(now(), UUID(left.resources[0]), None, kind="internet", port=80))
    async with monitor.database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('inspect traffic'))")
        await inspector.inspect()
        assert await told(monitor) == []
    await inspector.inspect()
    assert await told(monitor) == [("opened", "cleartext")]
