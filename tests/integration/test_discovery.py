"""Providers are looked at, and what is different is told: once, and in their own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest

from onenet_common.connection import Provider, ProviderType, Resource
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.errors import OneNetError, Permanent, Transient
from onenet_common.events import (
    Event,
    ProviderDiscovered,
    ProviderDiscoveryRequested,
    ProviderRegistered,
    ProviderRemoved,
    ProviderUnreachable,
)
from onenet_provisioner.discovering import Discoverer
from onenet_provisioner.provider_store import Look, ProviderStore
from onenet_provisioner.tables import Table
from onenet_provisioner.touched import Touched
from tests.integration.publications import published
from tests.integration.waiting import eventually
from tests.samples import network, provider

PROVIDER = provider()
DENIED = Permanent("not authorized to perform: sts:AssumeRole", code="role_refused")
INTERVAL = 3600.0
_numbers = count(1)


class Account:
    """What a provider holds, or why it does not let OneNet in."""

    def __init__(self) -> None:
        self.holds: list[Resource] = [network("vpc-1", "10.1.0.0/16"), network("vpc-2", "10.2.0.0/16")]
        self.refuses: OneNetError | None = None

    async def discover(self, provider: Provider) -> list[Resource]:
        if self.refuses is not None:
            raise self.refuses
        return self.holds


class Scene:
    """One provider under discovery, in a schema of its own."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, schema=f"discovery_{next(_numbers)}", metadata=Table.metadata, size=4)
        self.store = ProviderStore(self.database)
        self.account = Account()
        self.discoverer = Discoverer(self.store, {ProviderType.AWS: self.account}, interval=INTERVAL)

    async def want(self, *events: Event) -> None:
        async with self.database.transaction() as connection:
            await self.store.want([Message.of(event) for event in events], connection)

    async def register(self) -> None:
        await self.want(ProviderRegistered(provider_id=PROVIDER.id, provider=PROVIDER))

    async def claimed(self) -> Look:
        [look] = await self.store.claim(1)
        return look

    async def look(self) -> None:
        """Look at the provider now, whenever it would be due."""
        await self.execute("UPDATE providers SET due_at = now()")
        await self.discoverer.look(await self.claimed())

    async def execute(self, statement: str) -> None:
        async with self.database.acquire() as connection:
            await connection.execute(statement)

    async def due(self) -> bool:
        async with self.database.acquire() as connection:
            return bool(await connection.fetchval("SELECT due_at <= now() FROM providers"))

    async def told(self) -> list[Event]:
        """What was published since the last time."""
        return await published(self.database, forget=True)

    async def verbs(self) -> list[str]:
        return [".".join(event.type.split(".")[1:3]) for event in await self.told()]


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    scene = Scene(postgres_url)
    await scene.database.start()
    await scene.register()
    yield scene
    await scene.database.stop()


async def test_a_registered_provider_is_discovered_at_once(scene: Scene) -> None:
    assert await scene.due()
    await scene.discoverer.look(await scene.claimed())
    told = await scene.told()
    assert [event.happening() for event in told] == ["discovered"] * 3
    assert isinstance(told[2], ProviderDiscovered)
    assert set(told[2].resources) == {resource.id for resource in scene.account.holds}
    assert not await scene.due()


async def test_a_look_that_finds_nothing_new_says_nothing(scene: Scene) -> None:
    await scene.look()
    await scene.told()
    await scene.look()
    assert await scene.told() == []


async def test_what_is_gone_changed_or_new_is_told(scene: Scene) -> None:
    await scene.look()
    await scene.told()
    scene.account.holds = [network("vpc-2", "10.2.0.0/16", "10.3.0.0/16"), network("vpc-3", "10.4.0.0/16")]
    await scene.look()
    expected = ["resource.changed", "resource.discovered", "resource.gone", "provider.discovered"]
    assert await scene.verbs() == expected
    await scene.look()
    assert await scene.verbs() == []


async def test_a_refusal_is_told_once_in_the_providers_words_and_tried_again(scene: Scene) -> None:
    scene.account.refuses = DENIED
    for _ in range(3):
        await scene.look()
    [told] = await scene.told()
    assert isinstance(told, ProviderUnreachable)
    assert (told.code, told.reason) == ("role_refused", DENIED.reason)

    scene.account.refuses = None
    await scene.look()
    assert await scene.verbs() == ["resource.discovered", "resource.discovered", "provider.discovered"]
    await scene.look()
    assert await scene.told() == []


async def test_other_words_are_told_too(scene: Scene) -> None:
    scene.account.refuses = DENIED
    await scene.look()
    scene.account.refuses = Permanent("the role leads to another account", code="wrong_account")
    await scene.look()
    assert await scene.verbs() == ["provider.unreachable"] * 2


async def test_what_may_pass_is_told_when_it_did_not(scene: Scene) -> None:
    scene.account.refuses = Transient("timed out")
    counts = []
    for _ in range(4):
        await scene.look()
        counts.append(len(await scene.told()))
    assert counts == [0, 0, 1, 0]


async def test_resources_are_kept_while_the_provider_cannot_be_looked_at(scene: Scene) -> None:
    await scene.look()
    await scene.told()
    scene.account.refuses = DENIED
    await scene.look()
    scene.account.refuses = None
    await scene.look()
    assert await scene.verbs() == ["provider.unreachable", "provider.discovered"]


async def test_a_fresh_look_on_demand_announces_everything(scene: Scene) -> None:
    await scene.look()
    await scene.told()
    await scene.want(ProviderDiscoveryRequested(provider_id=PROVIDER.id, provider=PROVIDER))
    assert await scene.due()
    await scene.look()
    assert await scene.verbs() == ["resource.discovered", "resource.discovered", "provider.discovered"]


async def test_a_demand_during_a_look_is_met_by_another_look(scene: Scene) -> None:
    await scene.look()
    await scene.execute("UPDATE providers SET due_at = now()")
    under_way = await scene.claimed()
    await scene.want(ProviderDiscoveryRequested(provider_id=PROVIDER.id, provider=PROVIDER))
    await scene.told()
    await scene.discoverer.look(under_way)
    assert await scene.told() == []
    assert await scene.due()
    await scene.discoverer.look(await scene.claimed())
    assert await scene.verbs() == ["resource.discovered", "resource.discovered", "provider.discovered"]


async def test_a_change_during_a_look_is_looked_at_again_soon(scene: Scene) -> None:
    under_way = await scene.claimed()
    touched = Touched(scene.store, after=0.0)
    touched.add({PROVIDER.id})
    await touched.start()

    async def asked() -> object:
        async with scene.database.acquire() as connection:
            return await connection.fetchval("SELECT due_at FROM providers")

    await eventually(asked, lambda due_at: due_at != under_way.due_at)
    await touched.stop()
    await scene.discoverer.look(under_way)
    assert await scene.due()


async def test_a_removed_provider_is_forgotten_and_a_look_under_way_changes_nothing(scene: Scene) -> None:
    await scene.look()
    await scene.told()
    await scene.execute("UPDATE providers SET due_at = now()")
    under_way = await scene.claimed()
    await scene.want(ProviderRemoved(provider_id=PROVIDER.id))
    scene.account.holds = [network("vpc-9", "10.9.0.0/16")]
    await scene.discoverer.look(under_way)
    assert await scene.told() == []
    assert await scene.store.resources(PROVIDER.id) == {}
    with pytest.raises(Transient, match="not known here yet"):
        await scene.store.provider(PROVIDER.id)


async def test_registered_and_removed_in_one_batch_leaves_the_last_word(scene: Scene) -> None:
    registered = ProviderRegistered(provider_id=PROVIDER.id, provider=PROVIDER)
    removed = ProviderRemoved(provider_id=PROVIDER.id)
    await scene.want(registered, removed)
    assert await scene.store.claim(1) == []
    await scene.want(removed, registered)
    assert len(await scene.store.claim(1)) == 1


async def test_a_changed_registration_is_used_from_now_on(scene: Scene) -> None:
    assert await scene.store.provider(PROVIDER.id) == PROVIDER
    moved = PROVIDER.model_copy(update={"role_arn": "arn:aws:iam::111111111111:role/Other"})
    await scene.want(ProviderRegistered(provider_id=PROVIDER.id, provider=moved))
    assert await scene.store.provider(PROVIDER.id) == moved


async def test_a_look_of_a_killed_worker_is_taken_over_and_cannot_be_saved(scene: Scene) -> None:
    killed = await scene.claimed()
    assert await scene.store.claim(1) == []
    await scene.execute("UPDATE providers SET leased_until = now() - interval '1 second'")
    await scene.store.renew([killed])
    assert await scene.store.claim(1) == [], "renewing had no effect"
    await scene.execute("UPDATE providers SET leased_until = now() - interval '1 second'")
    taken_over = await scene.claimed()
    await scene.discoverer.look(killed)
    assert await scene.told() == []
    await scene.discoverer.look(taken_over)
    assert len(await scene.told()) == 3


async def test_a_released_look_may_be_taken_at_once(scene: Scene) -> None:
    await scene.store.release(await scene.claimed())
    assert (await scene.claimed()).announce
