"""Services, providers and resources: created, changed under a version, deleted when nothing needs them."""

from __future__ import annotations

import asyncio

import pytest

from onenet_common.events import ProviderRegistered, ProviderRemoved
from tests.integration.api_scene import Owner, Scene, provider_request


async def test_a_service_is_owned_by_who_creates_it(scene: Scene) -> None:
    made = await scene.user("lena").post("/v1/services", json={"name": " orders ", "owners": ["theo"]})
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["owners"]) == ("orders", ["lena", "theo"])
    assert (made.headers["ETag"], made.headers["Location"]) == ('"1"', f"/v1/services/{made.json()['id']}")


async def test_a_service_shows_its_providers_and_resources(left: Owner) -> None:
    shown = (await left.http.get(f"/v1/services/{left.service}")).json()
    assert (shown["providers"], set(shown["resources"])) == ([left.provider], set(left.resources))


@pytest.mark.parametrize("kind", ["services", "providers", "resources"])
async def test_a_change_needs_the_current_version(left: Owner, kind: str) -> None:
    ids = {"services": left.service, "providers": left.provider, "resources": left.resources[0]}
    path = f"/v1/{kind}/{ids[kind]}"
    change = {"description": "new"} if kind != "providers" else {"name": "new"}
    stale = await left.http.patch(path, json=change, headers={"If-Match": '"99"'})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
    changed = await left.http.patch(path, json=change, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert change.items() <= changed.json().items()
    assert (await left.http.get(path)).json() == changed.json()


async def test_of_two_changes_of_one_version_one_is_refused(left: Owner) -> None:
    answers = await asyncio.gather(
        *(
            left.http.patch(f"/v1/services/{left.service}", json={"name": name}, headers={"If-Match": '"1"'})
            for name in ("one", "two")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize("action", ["approve", "refuse", "retry"])
async def test_an_action_on_another_version_of_a_connection_is_refused(left: Owner, action: str) -> None:
    sides = {"resource_left": left.resources[0], "resource_right": left.resources[1]}
    asked = await left.http.post("/v1/connections", json=sides)
    body = {"approve": {"terms": "t"}, "refuse": {"reason": "r"}, "retry": {}}[action]
    stale = await left.http.post(
        f"{asked.headers['Location']}/{action}", json=body, headers={"If-Match": '"7"'}
    )
    assert stale.status_code == 412


async def test_a_provider_is_registered_with_an_external_id_of_its_own(scene: Scene, left: Owner) -> None:
    await scene.published()
    request = provider_request(left.service)
    one = await left.http.post("/v1/providers", json=request)
    two = await left.http.post("/v1/providers", json=request)
    assert (one.status_code, one.json()["status"]) == (202, "PENDING")
    assert one.json()["external_id"] != two.json()["external_id"]
    assert one.json()["external_id"] in str(one.json()["trust_policy"])
    assert one.json()["role_arn"] == f"arn:aws:iam::{request['account']}:role/OneNet"
    event = (await scene.published())[0].event
    assert isinstance(event, ProviderRegistered)
    assert event.provider.external_id == one.json()["external_id"]


async def test_a_role_of_another_account_is_refused_when_it_is_changed(left: Owner) -> None:
    role = "arn:aws:iam::999999999998:role/OneNet"
    refused = await left.http.patch(f"/v1/providers/{left.provider}", json={"role_arn": role})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "role_arn"


async def test_a_provider_goes_with_its_resources_once_nothing_uses_them(scene: Scene, left: Owner) -> None:
    sides = {"resource_left": left.resources[0], "resource_right": left.resources[1]}
    asked = await left.http.post("/v1/connections", json=sides)
    path = f"/v1/providers/{left.provider}"
    in_use = await left.http.delete(path)
    assert (in_use.status_code, in_use.json()["connection"]) == (409, asked.json()["id"])
    assert (await left.http.delete(f"/v1/services/{left.service}")).status_code == 409
    async with scene.database.acquire() as connection:
        await connection.execute("UPDATE connections SET state = 'DELETED'")
    await scene.published()
    assert (await left.http.delete(path)).status_code == 204
    assert isinstance((await scene.published())[0].event, ProviderRemoved)
    assert (await left.http.get("/v1/resources")).json()["items"] == []
    assert (await left.http.delete(f"/v1/services/{left.service}")).status_code == 204
    assert (await left.http.get(asked.headers["Location"])).status_code == 404


async def test_a_provider_and_a_connection_on_it_do_not_pass_each_other(left: Owner) -> None:
    sides = {"resource_left": left.resources[0], "resource_right": left.resources[1]}
    asked, deleted = await asyncio.gather(
        left.http.post("/v1/connections", json=sides), left.http.delete(f"/v1/providers/{left.provider}")
    )
    assert (asked.status_code, deleted.status_code) in {(202, 409), (404, 204)}
