"""The life of a connection as its owners see and steer it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from onenet_common.connection import CType, Side, Step
from onenet_common.events import (
    ConnectionDelayed,
    ConnectionDeleted,
    ConnectionDrifted,
    ConnectionEstablished,
    ConnectionEvaluated,
    ConnectionRequested,
)
from tests.integration.api_scene import Owner, Scene, happenings


async def ask(owner: Owner, ours: str, theirs: str, **other: Any) -> httpx.Response:
    return await owner.http.post(
        "/v1/connections", json={"resource_left": ours, "resource_right": theirs} | other
    )


async def pending(left: Owner, right: Owner, **other: Any) -> dict[str, Any]:
    """A connection that waits for the right side's owner."""
    answer = await ask(left, left.resources[0], right.resources[0], **other)
    assert answer.status_code == 202, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def asked_terms(seen: httpx.Response) -> str:
    terms: str = seen.json()["consent"]["terms"]
    return terms


async def establish(scene: Scene, requested: dict[str, Any]) -> None:
    found = {"connection_id": UUID(requested["id"]), "generation": requested["generation"]}
    await scene.happen(
        ConnectionEstablished(ctype=CType.AWS_PEERING, details={"peering_id": "pcx-1"}, **found)
    )


async def test_asking_across_owners_waits_and_asking_back_is_the_consent(
    scene: Scene, left: Owner, right: Owner
) -> None:
    await scene.published()
    asked = await pending(left, right)
    assert (asked["state"], asked["consent"]["needed_from"]) == ("PENDING_APPROVAL", [right.service])
    agreed = await ask(right, right.resources[0], left.resources[0])
    assert (agreed.status_code, agreed.json()["id"]) == (202, asked["id"])
    assert agreed.json()["state"] == "REQUESTED"
    published = await scene.published()
    assert happenings(published) == ["approval_requested", "approved", "requested"]
    assert [message.actor for message in published] == ["lena", "ravi", "ravi"]


async def test_owning_both_sides_needs_nobodys_consent(scene: Scene, left: Owner) -> None:
    await scene.published()
    answer = await ask(left, *left.resources)
    assert answer.json()["state"] == "REQUESTED"
    assert answer.headers["Location"] == f"/v1/connections/{answer.json()['id']}"
    (message,) = await scene.published()
    assert isinstance(message.event, ConnectionRequested)
    assert message.event.wish.left.subnets == message.event.wish.left.subnets


async def test_nothing_is_told_of_the_other_network_before_its_owner_agrees(
    left: Owner, right: Owner
) -> None:
    asked = await pending(left, right)
    assert (asked["right"]["subnets"], asked["right"]["account"]) == ([], None)
    assert asked["consent"]["terms"] is None
    path = f"/v1/connections/{asked['id']}"
    guess = await left.http.get("/v1/connections", params={"contains": "10.2.0.1"})
    assert guess.json()["items"] == []
    seen_by_right = (await right.http.get(path)).json()
    assert seen_by_right["left"]["subnets"] == ["10.1.0.0/16"]
    await right.http.post(f"{path}/approve", json={"terms": seen_by_right["consent"]["terms"]})
    assert (await left.http.get(path)).json()["right"]["subnets"] == ["10.2.0.0/16"]
    found = await left.http.get("/v1/connections", params={"contains": "10.2.0.1"})
    assert len(found.json()["items"]) == 1


async def test_approving_other_terms_is_a_conflict_that_names_the_current_ones(
    scene: Scene, left: Owner, right: Owner
) -> None:
    asked = await pending(left, right)
    path = f"/v1/connections/{asked['id']}"
    refused = await right.http.post(f"{path}/approve", json={"terms": "of yesterday"})
    assert refused.status_code == 409
    approved = await right.http.post(f"{path}/approve", json={"terms": refused.json()["terms"]})
    assert (approved.status_code, approved.json()["state"]) == (202, "REQUESTED")
    again = await right.http.post(f"{path}/approve", json={"terms": refused.json()["terms"]})
    assert (again.status_code, again.json()["version"]) == (202, approved.json()["version"])


async def test_asking_back_for_other_filters_is_a_conflict_that_says_what_differs(
    left: Owner, right: Owner
) -> None:
    https = {"protocol": "tcp", "from_port": 443, "to_port": 443, "direction": "left_to_right"}
    await pending(left, right, l4filters=[https])
    refused = await ask(right, right.resources[0], left.resources[0], l4filters=[https])
    assert refused.status_code == 409
    assert "right_to_left" in refused.json()["only_yours"][0]
    mirrored = https | {"direction": "right_to_left"}
    agreed = await ask(right, right.resources[0], left.resources[0], l4filters=[mirrored])
    assert agreed.json()["state"] == "REQUESTED"


async def test_a_refusal_rejects_and_a_retry_asks_again(scene: Scene, left: Owner, right: Owner) -> None:
    asked = await pending(left, right)
    path = f"/v1/connections/{asked['id']}"
    refused = await right.http.post(f"{path}/refuse", json={"reason": "not this month"})
    assert (refused.status_code, refused.json()["state"]) == (200, "REJECTED")
    assert refused.json()["reasons"] == ["ravi refused: not this month"]
    retried = await left.http.post(f"{path}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "PENDING_APPROVAL")
    assert retried.json()["generation"] == 2


async def test_a_change_waits_for_consent_and_leaves_what_stands(
    scene: Scene, left: Owner, right: Owner
) -> None:
    asked = await pending(left, right)
    path = f"/v1/connections/{asked['id']}"
    agreed = await right.http.post(f"{path}/approve", json={"terms": asked_terms(await right.http.get(path))})
    await establish(scene, agreed.json())
    await scene.published()
    patch = {"l4filters": [{"protocol": "tcp", "from_port": 443, "to_port": 443}]}
    stale = await left.http.patch(path, json=patch, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    changed = await left.http.patch(path, json=patch)
    assert (changed.status_code, changed.json()["state"]) == (202, "ESTABLISHED")
    assert changed.json()["consent"]["needed_from"] == [right.service]
    again = await left.http.patch(path, json=patch)
    assert again.headers["ETag"] == changed.headers["ETag"]
    assert happenings(await scene.published()) == ["approval_requested"]
    terms = asked_terms(await right.http.get(path))
    agreed = await right.http.post(f"{path}/approve", json={"terms": terms})
    assert (agreed.json()["state"], agreed.json()["generation"]) == ("REQUESTED", 2)
    refused = await left.http.patch(path, json={"l4filters": []})
    assert refused.status_code == 409
    assert "REQUESTED" in refused.json()["detail"]
    actions = [entry["action"] for entry in (await left.http.get("/v1/audit")).json()["items"]]
    assert "connection.change" in actions


async def test_a_pair_has_one_live_connection_whoever_is_left(left: Owner) -> None:
    first = await ask(left, *left.resources)
    second = await ask(left, *reversed(left.resources))
    assert second.status_code == 409
    assert second.json()["connection"] == first.json()["id"]


async def test_of_many_requests_at_once_for_a_pair_one_is_stored(scene: Scene, left: Owner) -> None:
    await scene.published()
    answers = await asyncio.gather(*(ask(left, *left.resources) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert happenings(await scene.published()) == ["requested"]


async def test_two_owners_who_ask_at_once_have_agreed(scene: Scene, left: Owner, right: Owner) -> None:
    ours, theirs = left.resources[0], right.resources[0]
    one, two = await asyncio.gather(ask(left, ours, theirs), ask(right, theirs, ours))
    assert one.json()["id"] == two.json()["id"]
    assert "REQUESTED" in {one.json()["state"], two.json()["state"]}


async def test_a_dry_run_stands_beside_the_live_connection(scene: Scene, left: Owner) -> None:
    live = (await ask(left, *left.resources)).json()
    dry = await ask(left, *left.resources, desired_state="PLANNED")
    assert dry.status_code == 202
    event = (await scene.published())[-1].event
    assert isinstance(event, ConnectionRequested)
    assert str(event.wish.connected_by) == live["id"]
    assert (await left.http.delete(dry.headers["Location"])).status_code == 202


async def test_carrying_out_a_dry_run_beside_a_live_connection_is_a_conflict(
    scene: Scene, left: Owner
) -> None:
    dry = (await ask(left, *left.resources, desired_state="PLANNED")).json()
    await ask(left, *left.resources)
    async with scene.database.acquire() as connection:
        await connection.execute("UPDATE connections SET state = 'PLANNED' WHERE desired_state = 'PLANNED'")
    carried_out = await left.http.post(
        f"/v1/connections/{dry['id']}/retry", json={"desired_state": "ESTABLISHED"}
    )
    assert carried_out.status_code == 409


async def test_filters_default_to_those_of_both_resources(left: Owner) -> None:
    filters = [[{"protocol": "tcp", "from_port": port, "to_port": port}] for port in (443, 5432)]
    for resource, l4filters in zip(left.resources, filters, strict=True):
        await left.http.patch(f"/v1/resources/{resource}", json={"l4filters": l4filters})
    asked = (await ask(left, *left.resources)).json()
    assert [one["from_port"] for one in asked["l4filters"]] == [443, 5432]


async def test_deleting_is_repeatable_until_it_is_deleted(scene: Scene, left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    path = f"/v1/connections/{asked['id']}"
    await scene.published()
    for _ in range(2):
        deleted = await left.http.delete(path)
        assert (deleted.status_code, deleted.json()["state"]) == (202, "DELETING")
    assert happenings(await scene.published()) == ["deletion_requested"]
    generation = deleted.json()["generation"]
    await scene.happen(ConnectionDeleted(connection_id=UUID(asked["id"]), generation=generation))
    assert (await left.http.delete(path)).status_code == 409
    assert (await left.http.get(path)).json()["state"] == "DELETED"
    assert (await ask(left, *left.resources)).status_code == 202


async def test_a_late_answer_does_not_bring_a_deleted_connection_back(scene: Scene, left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    await left.http.delete(f"/v1/connections/{asked['id']}")
    await establish(scene, asked)
    assert (await left.http.get(f"/v1/connections/{asked['id']}")).json()["state"] == "DELETING"


async def test_the_timeline_tells_every_event_in_order(scene: Scene, left: Owner, right: Owner) -> None:
    asked = await pending(left, right)
    path = f"/v1/connections/{asked['id']}"
    terms = (await right.http.get(path)).json()["consent"]["terms"]
    requested = (await right.http.post(f"{path}/approve", json={"terms": terms})).json()
    await scene.replay(await scene.published())
    await establish(scene, requested)
    items = (await left.http.get(f"{path}/timeline")).json()["items"]
    assert [item["type"].split(".")[2] for item in items] == [
        "approval_requested",
        "approved",
        "requested",
        "established",
    ]
    assert items[1]["actor"] == "ravi"
    assert items[3]["data"]["details"] == {"peering_id": "pcx-1"}
    assert "10.2.0.0" not in str(items[0])


async def test_the_timeline_shows_of_the_other_side_what_it_agreed_to_and_of_its_steps_their_kind(
    scene: Scene, left: Owner, right: Owner
) -> None:
    asked = await pending(left, right)
    path = f"/v1/connections/{asked['id']}"
    about = {"connection_id": UUID(asked["id"]), "generation": 1}
    steps = tuple(
        Step(action="create_route", side=side, target=f"{side}'s", arguments={"route_table": f"{side}'s own"})
        for side in ("left", "right")
    )
    await scene.happen(
        ConnectionDelayed(
            code="busy",
            reason="10.2.0.0/16 is in use",
            told=dict.fromkeys(Side, "10.2.0.0/16 is in use"),
            **about,
        ),
        ConnectionDrifted(differences=steps, **about),
    )

    async def told(owner: Owner) -> dict[str, dict[str, Any]]:
        items = (await owner.http.get(f"{path}/timeline")).json()["items"]
        return {item["type"].split(".")[2]: item for item in items}

    before = await told(left)
    assert (before["delayed"]["data"], before["delayed"]["summary"]) == ({"code": "busy"}, "delayed")
    assert (before["drifted"]["data"], before["drifted"]["summary"]) == ({}, "drifted")
    # Who asks agrees to be seen by whom he asks.
    assert "left's" not in str(await told(right))
    assert "right's" in str(await told(right))
    terms = asked_terms(await right.http.get(path))
    assert (await right.http.post(f"{path}/approve", json={"terms": terms})).status_code == 202
    for owner, own, other in ((left, 0, 1), (right, 1, 0)):
        after = await told(owner)
        shown = after["drifted"]["data"]["differences"]
        assert shown[own] == {**steps[own].model_dump(mode="json"), "arguments": {}}
        assert shown[other] == {**steps[other].model_dump(mode="json"), "arguments": {}, "target": ""}
        assert "10.2.0.0/16 is in use" in after["delayed"]["summary"]


async def test_a_batch_moves_a_connection_through_all_its_steps(scene: Scene, left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    (request,) = [m.event for m in await scene.published() if isinstance(m.event, ConnectionRequested)]
    found = {"connection_id": UUID(asked["id"]), "generation": 1}
    await scene.happen(
        ConnectionEvaluated(wish=request.wish, ctype=CType.AWS_PEERING, alternatives=(), **found),
        ConnectionEstablished(ctype=CType.AWS_PEERING, details={"peering_id": "pcx-1"}, **found),
    )
    now = (await left.http.get(f"/v1/connections/{asked['id']}")).json()
    assert (now["state"], now["ctype"], now["version"]) == ("ESTABLISHED", "AWS_PEERING", 3)
    assert now["details"] == {"peering_id": "pcx-1"}


async def test_waiting_is_answered_by_the_change(scene: Scene, left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    path = f"/v1/connections/{asked['id']}"
    waiting = [
        asyncio.create_task(left.http.get(path, params={"wait": 60}, headers=headers))
        for headers in ({}, {"If-None-Match": '"1"'})
    ]
    await scene.watched(UUID(asked["id"]), 2)
    await establish(scene, asked)
    for answer in await asyncio.gather(*waiting):
        assert (answer.status_code, answer.json()["state"]) == (200, "ESTABLISHED")


async def test_users_and_events_notify_who_waits(scene: Scene, left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    with scene.changes.watch(UUID(asked["id"])) as changed:
        await establish(scene, asked)
        await asyncio.wait_for(changed.wait(), 5)
        changed.clear()
        await left.http.delete(f"/v1/connections/{asked['id']}")
        await asyncio.wait_for(changed.wait(), 5)


@pytest.mark.parametrize(("headers", "status"), [({}, 200), ({"If-None-Match": '"1"'}, 304)])
async def test_waiting_in_vain_ends(left: Owner, headers: dict[str, str], status: int) -> None:
    asked = (await ask(left, *left.resources)).json()
    path = f"/v1/connections/{asked['id']}"
    answer = await left.http.get(path, params={"wait": 0.05}, headers=headers)
    assert (answer.status_code, answer.headers["ETag"]) == (status, '"1"')


async def test_who_knows_an_older_version_does_not_wait(left: Owner) -> None:
    asked = (await ask(left, *left.resources)).json()
    path = f"/v1/connections/{asked['id']}"
    answer = await left.http.get(path, params={"wait": 60}, headers={"If-None-Match": '"0"'})
    assert answer.status_code == 200


async def test_a_gone_resource_cannot_be_connected(scene: Scene, left: Owner) -> None:
    await scene.lose(left.resources[0])
    refused = await ask(left, *left.resources)
    assert refused.status_code == 409
    assert "gone" in refused.json()["detail"]
