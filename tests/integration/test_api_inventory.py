"""What discovery finds, and what the connections on it are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from onenet_common.connection import CType, Resource
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionEstablished,
    ConnectionRequested,
    ProviderDiscovered,
    ProviderUnreachable,
    ResourceChanged,
    ResourceDiscovered,
    ResourceGone,
)
from tests.integration.api_scene import Owner, Scene, happenings, now


async def resource_of(scene: Scene, resource: str) -> Resource:
    async with scene.database.acquire() as connection:
        snapshot = await connection.fetchval("SELECT snapshot FROM resources WHERE id = $1", UUID(resource))
    return Resource.model_validate(snapshot)


async def readdress(scene: Scene, resource: str, *subnets: str) -> None:
    """The provisioner sees other addresses than before."""
    changed = (await resource_of(scene, resource)).model_dump(mode="json") | {"subnets": subnets}
    found = Resource.model_validate(changed)
    await scene.discover(
        ResourceChanged(resource_id=found.id, at=now(), resource=found, changed=("subnets",))
    )


async def established(scene: Scene, left: Owner, right: Owner) -> dict[str, Any]:
    """A connection that both owners have agreed to and that is built."""
    ours, theirs = left.resources[0], right.resources[0]
    await left.http.post("/v1/connections", json={"resource_left": ours, "resource_right": theirs})
    agreed = await right.http.post("/v1/connections", json={"resource_left": theirs, "resource_right": ours})
    requested: dict[str, Any] = agreed.json()
    await scene.happen(
        ConnectionEstablished(
            connection_id=UUID(requested["id"]),
            generation=1,
            ctype=CType.AWS_PEERING,
            details={"peering_id": "pcx-1"},
        )
    )
    await scene.published()
    return requested


def codes(connection: dict[str, Any]) -> set[str]:
    return {flag["code"] for flag in connection["flags"]}


async def test_a_provider_shows_whether_onenet_gets_in(scene: Scene, left: Owner) -> None:
    provider, path = UUID(left.provider), f"/v1/providers/{left.provider}"
    denied = ProviderUnreachable(provider_id=provider, at=now(), code="AccessDenied", reason="not authorized")
    await scene.discover(denied)
    shown = (await left.http.get(path)).json()
    assert (shown["status"], shown["status_reason"]) == ("UNREACHABLE", "not authorized")
    seen = ProviderDiscovered(provider_id=provider, at=now(), account="1" * 12, resources=())
    await scene.discover(seen)
    shown = (await left.http.get(path)).json()
    assert (shown["status"], shown["status_reason"]) == ("REACHABLE", None)
    assert shown["discovered_at"] is not None
    version = shown["version"]
    await scene.discover(seen)
    assert (await left.http.get(path)).json()["version"] == version


async def test_of_a_removed_provider_nothing_is_stored(scene: Scene, left: Owner) -> None:
    resource = await resource_of(scene, left.resources[0])
    await left.http.delete(f"/v1/providers/{left.provider}")
    await scene.discover(ResourceDiscovered(resource_id=resource.id, at=now(), resource=resource))
    assert (await left.http.get("/v1/resources")).json()["items"] == []


async def test_another_provider_cannot_take_a_resource_over(scene: Scene, left: Owner, right: Owner) -> None:
    stolen = (await resource_of(scene, left.resources[0])).model_copy(
        update={"provider": UUID(right.provider), "service": UUID(right.service), "tags": {"by": "thief"}}
    )
    await scene.discover(ResourceDiscovered(resource_id=stolen.id, at=now(), resource=stolen))
    shown = await left.http.get(f"/v1/resources/{left.resources[0]}")
    assert (shown.json()["provider"], shown.json()["tags"]) == (left.provider, {})


async def test_a_repeat_is_no_new_version_and_older_news_are_no_news(scene: Scene, left: Owner) -> None:
    path = f"/v1/resources/{left.resources[0]}"
    before = (await left.http.get(path)).json()
    resource = await resource_of(scene, left.resources[0])
    await scene.discover(ResourceDiscovered(resource_id=resource.id, at=now(), resource=resource))
    hour_ago = now() - timedelta(hours=1)
    await scene.discover(ResourceGone(resource_id=resource.id, at=hour_ago, provider_id=UUID(left.provider)))
    after = (await left.http.get(path)).json()
    assert (after["version"], after["state"]) == (before["version"], "PRESENT")


async def test_of_one_batch_the_newest_word_counts(scene: Scene, left: Owner) -> None:
    resource = await resource_of(scene, left.resources[0])
    first, second = now(), now() + timedelta(seconds=1)
    gone = ResourceGone(resource_id=resource.id, at=first, provider_id=UUID(left.provider))
    back = ResourceDiscovered(resource_id=resource.id, at=second, resource=resource)
    await scene.discover(gone, back)
    path = f"/v1/resources/{left.resources[0]}"
    assert (await left.http.get(path)).json()["state"] == "PRESENT"


async def test_what_owners_add_survives_discovery(scene: Scene, left: Owner) -> None:
    path = f"/v1/resources/{left.resources[0]}"
    await left.http.patch(path, json={"description": "orders", "l4filters": [{"protocol": "icmp"}]})
    await readdress(scene, left.resources[0], "10.1.0.0/16", "10.8.0.0/16")
    shown = (await left.http.get(path)).json()
    assert (shown["description"], shown["l4filters"][0]["protocol"]) == ("orders", "icmp")
    assert shown["subnets"] == ["10.1.0.0/16", "10.8.0.0/16"]


async def test_a_resource_that_goes_flags_its_connections_until_it_is_back(
    scene: Scene, left: Owner, right: Owner
) -> None:
    path = f"/v1/connections/{(await established(scene, left, right))['id']}"
    await scene.lose(right.resources[0])
    assert codes((await left.http.get(path)).json()) == {"resource_gone"}
    resource = await resource_of(scene, right.resources[0])
    await scene.discover(ResourceDiscovered(resource_id=resource.id, at=now(), resource=resource))
    assert codes((await left.http.get(path)).json()) == set()


async def test_grown_addresses_ask_the_other_owner_again(scene: Scene, left: Owner, right: Owner) -> None:
    path = f"/v1/connections/{(await established(scene, left, right))['id']}"
    await readdress(scene, right.resources[0], "10.2.0.0/16", "10.9.0.0/16")
    (message,) = await scene.published()
    assert isinstance(message.event, ConnectionApprovalRequested)
    assert [str(service) for service in message.event.services] == [left.service]
    shown = (await left.http.get(path)).json()
    assert (shown["state"], codes(shown)) == ("ESTABLISHED", {"resource_changed", "consent_outdated"})
    assert shown["right"]["subnets"] == ["10.2.0.0/16", "10.9.0.0/16"]
    agreed = await left.http.post(f"{path}/approve", json={"terms": shown["consent"]["terms"]})
    assert (agreed.json()["state"], agreed.json()["generation"]) == ("REQUESTED", 2)
    assert codes(agreed.json()) == set()
    request = (await scene.published())[-1].event
    assert isinstance(request, ConnectionRequested)
    assert [str(subnet) for subnet in request.wish.right.subnets] == ["10.2.0.0/16", "10.9.0.0/16"]


async def test_a_pending_consent_is_for_the_addresses_of_today(
    scene: Scene, left: Owner, right: Owner
) -> None:
    sides = {"resource_left": left.resources[0], "resource_right": right.resources[0]}
    path = (await left.http.post("/v1/connections", json=sides)).headers["Location"]
    terms = (await right.http.get(path)).json()["consent"]["terms"]
    await readdress(scene, left.resources[0], "10.1.0.0/16", "10.99.0.0/16")
    refused = await right.http.post(f"{path}/approve", json={"terms": terms})
    assert refused.status_code == 409
    agreed = await right.http.post(f"{path}/approve", json={"terms": refused.json()["terms"]})
    assert agreed.json()["left"]["subnets"] == ["10.1.0.0/16", "10.99.0.0/16"]


async def test_what_is_under_way_is_carried_out_as_agreed(scene: Scene, left: Owner, right: Owner) -> None:
    sides = {"resource_left": left.resources[0], "resource_right": left.resources[1]}
    path = (await left.http.post("/v1/connections", json=sides)).headers["Location"]
    await scene.published()
    await readdress(scene, left.resources[0], "10.1.0.0/16", "10.99.0.0/16")
    shown = (await left.http.get(path)).json()
    assert (codes(shown), shown["left"]["subnets"]) == ({"resource_changed"}, ["10.1.0.0/16"])
    assert await scene.published() == []


async def test_events_of_what_we_do_not_know_are_passed_over(scene: Scene, left: Owner) -> None:
    await scene.happen(
        ConnectionEstablished(connection_id=uuid4(), generation=1, ctype=CType.AWS_PEERING, details={})
    )
    await scene.discover(
        ProviderDiscovered(provider_id=uuid4(), at=now(), account="1" * 12, resources=()),
        ResourceGone(resource_id=uuid4(), at=now(), provider_id=uuid4()),
    )
    assert happenings(await scene.published())[-1:] != ["established"]


@pytest.mark.parametrize("path", ["/v1/resources", "/v1/directory/resources"])
async def test_the_directory_lists_only_what_is_there(scene: Scene, left: Owner, path: str) -> None:
    await scene.lose(left.resources[0])
    listed = {item["id"] for item in (await left.http.get(path)).json()["items"]}
    assert (left.resources[0] in listed) is (path == "/v1/resources")
