"""What is sent twice takes effect once."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

import httpx
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


async def acts(left: Owner, right: Owner) -> dict[str, tuple[httpx.AsyncClient, str, str, Any]]:
    """Everything that changes what exists: who may, how, where, with what body."""
    waiting, refused = [
        await left.http.post("/v1/connections", json={"resource_left": ours, "resource_right": theirs})
        for ours, theirs in product(left.resources, right.resources)
    ]
    path, other = waiting.headers["Location"], refused.headers["Location"]
    terms = (await right.http.get(path)).json()["consent"]["terms"]
    spare = (await left.http.post("/v1/services", json={"name": "spare"})).headers["Location"]
    provider = await left.http.post("/v1/providers", json=provider_request(left.service))
    https = {"protocol": "tcp", "from_port": 443, "to_port": 443}
    return {
        "approve": (right.http, "POST", f"{path}/approve", {"terms": terms}),
        "refuse": (right.http, "POST", f"{other}/refuse", {"reason": "no"}),
        "retry": (left.http, "POST", f"{other}/retry", {}),
        "change": (left.http, "PATCH", other, {"l4filters": [https]}),
        "delete": (left.http, "DELETE", path, None),
        "discover": (left.http, "POST", f"/v1/providers/{left.provider}/discover", None),
        "change a service": (left.http, "PATCH", spare, {"name": "renamed"}),
        "change a provider": (left.http, "PATCH", provider.headers["Location"], {"name": "renamed"}),
        "change a resource": (left.http, "PATCH", f"/v1/resources/{left.resources[0]}", {"l4filters": []}),
        "delete a service": (left.http, "DELETE", spare, None),
        "delete a provider": (left.http, "DELETE", provider.headers["Location"], None),
    }


async def test_every_change_is_safe_to_repeat(scene: Scene, left: Owner, right: Owner) -> None:
    for name, (http, method, path, body) in (await acts(left, right)).items():
        await scene.published()
        key = {"Idempotency-Key": name.replace(" ", "-")}
        answers = await asyncio.gather(
            *(http.request(method, path, json=body, headers=key) for _ in range(4))
        )
        answers.append(await http.request(method, path, json=body, headers=key))
        assert {answer.status_code for answer in answers} <= {200, 202, 204}, (name, answers[-1].text)
        assert len({answer.content for answer in answers}) == 1, name
        assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 4, name
        published = happenings(await scene.published())
        assert len(published) == len(set(published)), name


async def test_a_key_belongs_to_one_act_on_one_object(left: Owner, right: Owner) -> None:
    acting = await acts(left, right)
    http, method, path, body = acting["discover"]
    assert (await http.request(method, path, json=body, headers=KEY)).status_code == 202
    for name in ("change a service", "delete a service", "delete"):
        http, method, path, body = acting[name]
        assert (await http.request(method, path, json=body, headers=KEY)).status_code == 422, name


async def test_null_and_left_out_are_two_requests(left: Owner, right: Owner) -> None:
    http, method, path, _ = (await acts(left, right))["change"]
    named = await http.request(method, path, json={"name": None}, headers=KEY)
    assert named.status_code == 202
    assert (await http.request(method, path, json={}, headers=KEY)).status_code == 422


async def test_a_consent_by_request_is_given_once(scene: Scene, left: Owner, right: Owner) -> None:
    ours, theirs = left.resources[0], right.resources[0]
    await left.http.post("/v1/connections", json={"resource_left": ours, "resource_right": theirs})
    await scene.published()
    body = {"resource_left": theirs, "resource_right": ours}
    first = await right.http.post("/v1/connections", json=body, headers=KEY)
    again = await right.http.post("/v1/connections", json=body, headers=KEY)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert happenings(await scene.published()) == ["approved", "requested"]
