"""A create that is sent twice takes effect once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.api_scene import Owner, Scene, happenings, provider_request

KEY = {"Idempotency-Key": "once-only"}


def creates(owner: Owner) -> dict[str, dict[str, Any]]:
    return {
        "/v1/services": {"name": "orders"},
        "/v1/providers": provider_request(owner.service),
        "/v1/connections": {"resource_left": owner.resources[0], "resource_right": owner.resources[1]},
    }


PATHS = ("/v1/services", "/v1/providers", "/v1/connections")


@pytest.mark.parametrize("path", PATHS)
async def test_a_repeated_create_gets_the_first_answer(scene: Scene, left: Owner, path: str) -> None:
    body = creates(left)[path]
    await scene.published()
    first = await left.http.post(path, json=body, headers=KEY)
    again = await left.http.post(path, json=body, headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    assert len(await scene.published()) == (0 if path == "/v1/services" else 1)


@pytest.mark.parametrize("path", PATHS)
async def test_many_at_once_take_effect_once(scene: Scene, left: Owner, path: str) -> None:
    body = creates(left)[path]
    await scene.published()
    answers = await asyncio.gather(*(left.http.post(path, json=body, headers=KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 7
    assert len(await scene.published()) == (0 if path == "/v1/services" else 1)


@pytest.mark.parametrize("path", PATHS)
async def test_the_key_of_another_request_is_refused(left: Owner, path: str) -> None:
    body = creates(left)[path]
    await left.http.post(path, json=body, headers=KEY)
    refused = await left.http.post(path, json=body | {"name": "another"}, headers=KEY)
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("idempotency-key-reused")


async def test_the_same_key_of_another_user_is_another_key(scene: Scene, left: Owner) -> None:
    for client in (left.http, scene.user("theo")):
        answer = await client.post("/v1/services", json={"name": "orders"}, headers=KEY)
        assert "Idempotency-Replayed" not in answer.headers


async def test_a_failed_create_may_be_tried_again_with_its_key(left: Owner, right: Owner) -> None:
    body = {"resource_left": right.resources[0], "resource_right": right.resources[0]}
    assert (await left.http.post("/v1/connections", json=body, headers=KEY)).status_code == 422
    body = creates(left)["/v1/connections"]
    assert (await left.http.post("/v1/connections", json=body, headers=KEY)).status_code == 202


async def test_a_consent_by_request_is_given_once(scene: Scene, left: Owner, right: Owner) -> None:
    ours, theirs = left.resources[0], right.resources[0]
    await left.http.post("/v1/connections", json={"resource_left": ours, "resource_right": theirs})
    await scene.published()
    body = {"resource_left": theirs, "resource_right": ours}
    first = await right.http.post("/v1/connections", json=body, headers=KEY)
    again = await right.http.post("/v1/connections", json=body, headers=KEY)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert happenings(await scene.published()) == ["approved", "requested"]
