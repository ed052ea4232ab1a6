"""Requests that come at the same time share statements, and each gets its own answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from uuid import UUID, uuid4

import pytest

from onenet_api.answers import Answer
from onenet_api.connections import admission, decisions
from onenet_api.connections.decisions import Caller
from onenet_api.connections.requests import New, Requests
from onenet_api.connections.views import ConnectionRequest
from onenet_api.idempotency import Once
from onenet_api.tokens import User
from tests.integration.api_scene import Owner, Scene, happenings

NETWORKS = {f"vpc-{number}": [f"10.{number}.0.0/16"] for number in range(8)}


async def post(owner: Owner, left: str, right: str, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await owner.http.post(
        "/v1/connections", json={"resource_left": left, "resource_right": right}, headers=headers
    )
    return answer.status_code, answer.json()


async def test_a_crowd_is_answered_one_by_one(scene: Scene) -> None:
    owner = await scene.owner("lena", NETWORKS)
    await scene.published()
    pairs = list(combinations(owner.resources, 2))
    answers = await asyncio.gather(*(post(owner, left, right) for left, right in pairs))
    assert {status for status, _ in answers} == {202}
    assert [(shown["resource_left"], shown["resource_right"]) for _, shown in answers] == pairs
    published = await scene.published()
    assert happenings(published) == ["requested"] * len(pairs)
    by_connection = {message.event.key: message for message in published}
    for _, shown in answers:
        assert by_connection[shown["id"]].actor == "lena"
        timeline = (await owner.http.get(f"/v1/connections/{shown['id']}/timeline")).json()["items"]
        assert [item["id"] for item in timeline] == [str(by_connection[shown["id"]].id)]
    entries = (await owner.http.get("/v1/audit?limit=200")).json()["items"]
    requested = [entry["object_id"] for entry in entries if entry["action"] == "connection.request"]
    assert sorted(requested) == sorted(shown["id"] for _, shown in answers)


async def test_one_that_is_refused_does_not_spoil_the_others(scene: Scene) -> None:
    owner = await scene.owner("lena", NETWORKS)
    pairs = list(combinations(owner.resources, 2))
    asked = [*pairs[:9], pairs[3][::-1], (owner.resources[0], str(uuid4())), *pairs[9:], pairs[3]]
    answers = await asyncio.gather(*(post(owner, left, right) for left, right in asked))
    statuses = [status for status, _ in answers]
    assert sorted(statuses) == sorted([202] * len(pairs) + [409, 409, 404])
    assert statuses[10] == 404
    listed = (await owner.http.get("/v1/connections?limit=200")).json()["items"]
    assert len(listed) == len(pairs)


async def test_keys_are_kept_apart_in_a_crowd(scene: Scene) -> None:
    owner = await scene.owner("lena", NETWORKS)
    pairs = list(combinations(owner.resources, 2))
    keyed = [(*pair, f"key-{number // 2}") for number, pair in enumerate(pairs) for _ in range(2)]
    answers = await asyncio.gather(
        *(post(owner, left, right, **{"Idempotency-Key": key}) for left, right, key in keyed)
    )
    first: dict[str, dict[str, Any]] = {}
    for (left, right, key), (status, shown) in zip(keyed, answers, strict=True):
        if status == 202:
            assert (shown["resource_left"], shown["resource_right"]) == (left, right)
            assert first.setdefault(key, shown) == shown, "two answers to one key"
        else:
            assert status == 422, "a key for another request"
    assert len(first) == len(pairs) // 2
    listed = (await owner.http.get("/v1/connections?limit=200")).json()["items"]
    assert len(listed) == len(first)


async def judged(requests: Requests, left: str, right: str, newer: tuple[int, int]) -> New:
    """A request as it is to be stored; the resources' versions are so much newer than they are."""
    user = User("lena")
    wanted = ConnectionRequest(resource_left=UUID(left), resource_right=UUID(right))
    ours, theirs = admission.endpoints(wanted, await requests.survey(user, wanted))
    caller = Caller("lena", admission.services_of_caller(ours, theirs), datetime.now(UTC))
    decided = decisions.begin(admission.draft(wanted, ours, theirs, caller, None), caller)
    versions = (ours.version - newer[0], theirs.version - newer[1])
    return New.of(decided, versions, user, Once.of(user, right, wanted), Answer(202, "{}", '"1"'))


@pytest.mark.parametrize("newer", [(1, 0), (0, 1)])
async def test_what_was_judged_by_old_addresses_is_not_stored_and_the_others_are(
    scene: Scene, newer: tuple[int, int]
) -> None:
    owner = await scene.owner("lena", NETWORKS)
    await scene.published()
    requests = Requests(scene.database)
    first, *others = owner.resources
    new = [
        await judged(requests, first, other, newer if one == 2 else (0, 0))
        for one, other in enumerate(others)
    ]
    stored = await asyncio.gather(*(requests.store(one) for one in new))
    assert stored == [one != 2 for one in range(len(others))]
    expected = {one.connection.id for one in new} - {new[2].connection.id}
    assert {UUID(message.event.key) for message in await scene.published()} == expected
    async with scene.database.acquire() as connection:
        for question in (
            "SELECT id FROM connections",
            "SELECT connection_id FROM timeline",
            "SELECT object_id FROM audit WHERE action = 'connection.request'",
        ):
            assert {row[0] for row in await connection.fetch(question)} == expected, question
        keys = {row["key"] for row in await connection.fetch("SELECT key FROM answers")}
    assert keys == {other for one, other in enumerate(others) if one != 2}
