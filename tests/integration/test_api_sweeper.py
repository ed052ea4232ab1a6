"""What was lost on its way is published again, less and less often."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from onenet_api.sweeper import LONGEST_PAUSE, Sweeper
from onenet_common.connection import CType
from onenet_common.events import (
    ConnectionPathRefused,
    ConnectionRequested,
    ProviderDiscovered,
)
from tests.integration.api_scene import Owner, Scene, happenings, now

AFTER = 60.0


@pytest.fixture
def sweeper(scene: Scene) -> Sweeper:
    return Sweeper(scene.database, after=AFTER)


async def pass_time(scene: Scene, seconds: float) -> None:
    """Everything was published so many seconds earlier."""
    async with scene.database.acquire() as connection:
        await connection.execute(
            "UPDATE connections SET published_at = published_at - make_interval(secs => $1)", seconds
        )
        await connection.execute(
            "UPDATE providers SET asked_at = asked_at - make_interval(secs => $1), "
            "discovered_at = discovered_at - make_interval(secs => $1)",
            seconds,
        )


async def settle_providers(scene: Scene, *owners: Owner) -> None:
    for owner in owners:
        seen = tuple(UUID(resource) for resource in owner.resources)
        await scene.discover(
            ProviderDiscovered(provider_id=UUID(owner.provider), at=now(), account="1" * 12, resources=seen)
        )
    await scene.published()


async def connect(owner: Owner) -> dict[str, Any]:
    sides = {"resource_left": owner.resources[0], "resource_right": owner.resources[1]}
    asked: dict[str, Any] = (await owner.http.post("/v1/connections", json=sides)).json()
    return asked


async def test_a_lost_wish_is_published_again_in_the_same_generation(
    scene: Scene, left: Owner, sweeper: Sweeper
) -> None:
    await settle_providers(scene, left)
    asked = await connect(left)
    (first,) = await scene.published()
    await sweeper.sweep()
    assert await scene.published() == []
    await pass_time(scene, AFTER + 1)
    await sweeper.sweep()
    (again,) = await scene.published()
    assert isinstance(again.event, ConnectionRequested)
    assert (again.event.connection_id, again.event.generation) == (UUID(asked["id"]), 1)
    assert again.id != first.id


async def test_repetitions_become_rarer_up_to_a_limit(scene: Scene, left: Owner, sweeper: Sweeper) -> None:
    await settle_providers(scene, left)
    await connect(left)
    await scene.published()
    pause = AFTER
    for _ in range(8):
        await pass_time(scene, pause - 5)
        await sweeper.sweep()
        assert await scene.published() == []
        await pass_time(scene, 10)
        await sweeper.sweep()
        assert happenings(await scene.published()) == ["requested"]
        pause = min(pause * 2, LONGEST_PAUSE)


async def test_a_refused_path_is_not_forgotten_when_the_wish_is_repeated(
    scene: Scene, left: Owner, sweeper: Sweeper
) -> None:
    await settle_providers(scene, left)
    await connect(left)
    (message,) = await scene.published()
    assert isinstance(message.event, ConnectionRequested)
    wish = message.event.wish
    found = {"connection_id": wish.id, "generation": 1}
    await scene.happen(
        ConnectionPathRefused(wish=wish, ctype=CType.AWS_PEERING, reason="quota reached", **found)
    )
    await pass_time(scene, 10 * AFTER)
    await sweeper.sweep()
    (again,) = await scene.published()
    assert isinstance(again.event, ConnectionRequested)
    assert [path.reason for path in again.event.wish.refused_paths] == ["quota reached"]


async def test_a_lost_deletion_is_published_again(scene: Scene, left: Owner, sweeper: Sweeper) -> None:
    await settle_providers(scene, left)
    await left.http.delete(f"/v1/connections/{(await connect(left))['id']}")
    await scene.published()
    await pass_time(scene, AFTER + 1)
    await sweeper.sweep()
    assert happenings(await scene.published()) == ["deletion_requested"]


async def test_a_provider_that_nobody_looked_at_is_announced_again(
    scene: Scene, left: Owner, sweeper: Sweeper
) -> None:
    await scene.published()
    await pass_time(scene, AFTER + 1)
    await sweeper.sweep()
    assert happenings(await scene.published()) == ["registered"]


async def test_resources_that_got_lost_are_asked_for_again(
    scene: Scene, left: Owner, sweeper: Sweeper
) -> None:
    await settle_providers(scene, left)
    await pass_time(scene, AFTER + 1)
    await sweeper.sweep()
    assert await scene.published() == []
    await scene.lose(left.resources[0])
    await pass_time(scene, AFTER + 1)
    await sweeper.sweep()
    assert happenings(await scene.published()) == ["discovery_requested"]


async def test_what_another_replica_has_in_hand_is_passed_over(
    scene: Scene, left: Owner, sweeper: Sweeper
) -> None:
    await settle_providers(scene, left)
    await connect(left)
    await scene.published()
    await pass_time(scene, AFTER + 1)
    async with scene.database.transaction() as other_replica:
        await other_replica.execute("SELECT FROM connections FOR UPDATE")
        await asyncio.wait_for(sweeper.sweep(), 5)
        assert await scene.published() == []
    await sweeper.sweep()
    assert happenings(await scene.published()) == ["requested"]
