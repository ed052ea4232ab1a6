"""The life of a connection as its owners see and steer it."""

from __future__ import annotations

from tests.integration.api_scene import Owner, Scene


async def test_a_request_across_owners_waits_and_the_mirrored_request_is_the_consent(
    scene: Scene, left: Owner, right: Owner
) -> None:
    await scene.published()
    asked = await left.http.post(
        "/v1/connections", json={"resource_left": left.resources[0], "resource_right": right.resources[0]}
    )
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] == "PENDING_APPROVAL"
    agreed = await right.http.post(
        "/v1/connections", json={"resource_left": right.resources[0], "resource_right": left.resources[0]}
    )
    assert agreed.status_code == 202, agreed.text
    assert agreed.json()["id"] == asked.json()["id"]
    assert agreed.json()["state"] == "REQUESTED"
    assert [message.event.happening() for message in await scene.published()] == [
        "approval_requested",
        "approved",
        "requested",
    ]
