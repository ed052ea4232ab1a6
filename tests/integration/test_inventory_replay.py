"""What flows are attributed by comes back from the topics: whole, mended, and beside a monitor that works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from onenet_common.bus import in_transaction
from onenet_common.connection import Resource, Wish
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionEstablished,
    Event,
    ResourceChanged,
    ResourceDiscovered,
    ResourceEvent,
    ResourceGone,
)
from onenet_common.producer import Producer
from onenet_common.replaying import Options
from onenet_monitor.flows.tables import NetworkRow
from onenet_monitor.inventory_replay import rebuilding_inventory
from onenet_monitor.main import follow
from tests import samples
from tests.integration.bus_scene import Topic
from tests.samples import LEFT, NOW, RIGHT, deletion_requested, evaluated, network, wish

_numbers = count(1)
_TABLES = ("networks", "network_names", "link_ends", "links", "path_terms")


class Inventory:
    """The inventory in a monitor's schema, and its two topics."""

    def __init__(self, database: Database, producer: Producer, lives: Topic, networks: Topic) -> None:
        self.database, self.producer, self.lives, self.networks = database, producer, lives, networks
        self.group = networks.group = lives.group
        self.handle = in_transaction(database, self.group, follow)

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            topic = self.networks if isinstance(message.event, ResourceEvent) else self.lives
            await self.producer.send([topic.outgoing(message)])

    async def live(self, messages: Sequence[Message]) -> None:
        """It has handled all of this, and has committed."""
        await self.send(messages)
        await self.handle(messages)
        for topic in (self.lives, self.networks):
            await topic.commit()

    async def execute(self, *statements: str) -> None:
        async with self.database.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def model(self) -> list[Any]:
        rows = " UNION ALL ".join(
            f"SELECT '{name}' AS name, to_jsonb(t) - 'moved_at' AS row FROM {name} t" for name in _TABLES
        )
        async with self.database.acquire() as connection:
            return [tuple(row) for row in await connection.fetch(f"{rows} ORDER BY 1, 2")]

    async def version(self) -> int:
        async with self.database.acquire() as connection:
            return int(await connection.fetchval("SELECT version FROM inventory_version"))

    async def replay(self, *, dry_run: bool = False) -> list[str]:
        topics = (self.lives.name, self.networks.name)
        rebuild = rebuilding_inventory(lambda: self.lives.settings, self.group, topics)
        return (await rebuild(self.database, Options(dry_run), lambda _: None)).differences


@pytest.fixture
async def inventory(
    postgres_url: str, producer: Producer, topic: Topic, answers: Topic
) -> AsyncIterator[Inventory]:
    schema = f"inventory_replayed_{next(_numbers)}"
    database = Database(postgres_url, schema=schema, metadata=NetworkRow.metadata, size=4)
    await database.start()
    yield Inventory(database, producer, topic, answers)
    await database.stop()


def found(resource: Resource, minute: float) -> Message:
    at = NOW + timedelta(minutes=minute)
    return Message.of(ResourceDiscovered(resource_id=resource.id, at=at, resource=resource))


def changed(resource: Resource, minute: float) -> Message:
    at = NOW + timedelta(minutes=minute)
    event = ResourceChanged(resource_id=resource.id, at=at, resource=resource, changed=("subnets",))
    return Message.of(event)


def gone(resource: Resource, minute: float) -> Message:
    at = NOW + timedelta(minutes=minute)
    return Message.of(ResourceGone(resource_id=resource.id, at=at, provider_id=resource.provider))


def of(kind: type[Event], one: Wish, generation: int = 1, **values: object) -> Message:
    return Message.of(kind.model_validate({"connection_id": one.id, "generation": generation, **values}))


def carried(one: Wish) -> list[Message]:
    """What makes a connection carry, from its first wish on."""
    asked = replace(samples.requested(one), actor="lena")
    return [asked, evaluated(one), of(ConnectionEstablished, one, ctype="AWS_PEERING", details={})]


MOVED = network(LEFT.native_id, "10.8.0.0/16")


def history() -> list[Message]:
    """Networks that changed, left and stayed, and connections that carry and that are over."""
    over = wish()
    return [
        found(LEFT, 0),
        found(RIGHT, 0),
        *carried(wish()),
        *carried(over),
        changed(MOVED, 2),
        deletion_requested(wish(2, id=over.id)),
        of(ConnectionDeleted, over, 2),
        gone(RIGHT, 5),
    ]


async def test_an_inventory_that_is_lost_is_rebuilt_and_then_nothing_differs(inventory: Inventory) -> None:
    await inventory.live(history())
    before = await inventory.model()
    assert [name for name, _ in before] == [
        *["link_ends"] * 2,
        *["links"] * 2,
        *["network_names"] * 2,
        *["networks"] * 3,
        *["path_terms"],
    ]
    assert await inventory.replay(dry_run=True) == []
    await inventory.execute(*(f"TRUNCATE {name}" for name in _TABLES))
    assert len(await inventory.replay(dry_run=True)) == 9
    assert await inventory.model() == []
    version = await inventory.version()
    assert len(await inventory.replay()) == 9
    assert await inventory.model() == before
    assert await inventory.version() == version + 1
    assert await inventory.replay() == []
    assert await inventory.version() == version + 1


async def test_what_was_written_wrongly_is_mended(inventory: Inventory) -> None:
    await inventory.live(history())
    before = await inventory.model()
    await inventory.execute(
        "UPDATE networks SET subnets = '{10.99.0.0/16}', valid_until = NULL",
        "UPDATE network_names SET name = 'wrong'",
        "DELETE FROM links WHERE valid_until IS NULL",
        "UPDATE link_ends SET since = NULL, generation = 7",
        "UPDATE path_terms SET monthly_gb = -1",
    )
    told = await inventory.replay()
    assert len(told) == 8
    assert f"{LEFT.id}: had which addresses when is not as told" in told
    assert await inventory.model() == before


async def test_what_the_topics_have_lost_the_beginning_of_stays_as_it_is_stored(inventory: Inventory) -> None:
    old = wish()
    await inventory.handle([found(LEFT, -60), found(RIGHT, -60), *carried(old)])
    await inventory.live([changed(MOVED, 2), deletion_requested(wish(2, id=old.id))])
    before = await inventory.model()
    assert await inventory.replay() == []
    await inventory.execute(f"DELETE FROM networks WHERE valid_from > '{NOW.isoformat()}'")
    await inventory.execute("UPDATE link_ends SET generation = 1", "TRUNCATE inbox")
    assert len(await inventory.replay()) == 2
    assert await inventory.model() == before


async def test_what_waits_for_the_monitor_is_left_to_it(inventory: Inventory) -> None:
    await inventory.live(history())
    before = await inventory.model()
    await inventory.send([changed(MOVED, 9), found(RIGHT, 9), *carried(wish())])
    assert await inventory.replay() == []
    assert await inventory.model() == before
