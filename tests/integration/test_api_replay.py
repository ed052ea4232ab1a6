"""The API's rows come back from the topics: after a bug, and after the restore of an older backup."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from onenet_api.connections import projection
from onenet_api.connections.model import Connection
from onenet_api.replay import connections
from onenet_api.replay.command import rebuilding
from onenet_api.resources import inventory
from onenet_api.settings import ApiSettings
from onenet_api.tables import METADATA
from onenet_common.bus import in_transaction
from onenet_common.connection import Side, Step
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionDrifted,
    ConnectionEstablished,
    ConnectionEvaluated,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionHealthChanged,
    Event,
    ProviderDiscovered,
    ProviderUnreachable,
    ResourceDiscovered,
)
from onenet_common.kafka_settings import KafkaSettings
from onenet_common.past import Told, opened
from onenet_common.producer import Producer
from onenet_common.replaying import Findings, Options
from tests.integration.api_scene import Owner, Scene, happenings, network, now, provider_request
from tests.integration.bus_scene import Topic

_numbers = count(1)
TABLES = [*METADATA.tables, "outbox", "inbox"]
WHEN = {
    *(
        "updated_at",
        "published_at",
        "attempts",
        "version",
        "trace_id",
        "traceparent",
        "created_at",
        "asked_at",
    ),
    *("discovered_at", "at"),
}
"""When, how often and in which trace a row was written."""
_MODEL = """
SELECT 'connection', to_jsonb(c) FROM connections c UNION ALL SELECT 'resource', to_jsonb(r) FROM resources r
UNION ALL SELECT 'provider', to_jsonb(p) FROM providers p
UNION ALL SELECT 'timeline', to_jsonb(t) FROM timeline t
"""


def timeless(value: Any) -> Any:
    """The same without when it was written."""
    if isinstance(value, list):
        return [timeless(one) for one in value]
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name not in WHEN}
    return value


PLAIN, RESTORED = Options(), Options(restored=True)


class World:
    """An API and its topics."""

    def __init__(self, scene: Scene, producer: Producer, lives: Topic, networks: Topic) -> None:
        self.scene, self.producer, self.lives, self.networks = scene, producer, lives, networks
        self.database = scene.database

    async def relay(self) -> list[Message]:
        """What the API has published goes to the topics."""
        messages = await self.scene.published()
        await self.send(*messages)
        return messages

    async def send(self, *messages: Message) -> None:
        for message in messages:
            topic = self.lives if isinstance(message.event, ConnectionEvent) else self.networks
            await self.producer.send([topic.outgoing(message)])

    async def happen(self, *events: Event) -> None:
        """Others say this, and the API handles it."""
        await self.relay()
        messages = [Message.of(event) for event in events]
        await self.send(*messages)
        for message in messages:
            lives = isinstance(message.event, ConnectionEvent)
            topic, handle = (self.lives, projection.project) if lives else (self.networks, inventory.project)
            await in_transaction(self.database, topic.group, handle)([message])

    async def replay(self, options: Options = PLAIN) -> Findings:
        topics = (self.lives.name, self.networks.name)
        rebuild = rebuilding(self.settings, self.lives.group, self.networks.group, topics)
        return await rebuild(self.database, options, lambda _: None)

    def settings(self) -> ApiSettings:
        kafka = self.lives.settings.model_dump(include=set(KafkaSettings.model_fields))
        return self.scene.settings.model_copy(update=kafka)

    async def replayed(self, options: Options = PLAIN) -> list[str]:
        findings = await self.replay(options)
        assert findings.left == []
        return findings.differences

    async def model(self) -> list[Any]:
        async with self.database.acquire() as connection:
            rows = await connection.fetch(_MODEL)
        return sorted(([kind, timeless(row)] for kind, row in rows), key=repr)

    async def execute(self, *statements: str) -> None:
        async with self.database.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    @asynccontextmanager
    async def restored_after(self) -> AsyncIterator[None]:
        """A backup is taken before the block and restored after it; offsets are at the end."""
        backup = f"backup_{next(_numbers)}"
        await self.execute(
            f"CREATE SCHEMA {backup}", *(f"CREATE TABLE {backup}.{one} AS TABLE {one}" for one in TABLES)
        )
        yield
        await self.relay()
        names = [*(table.name for table in METADATA.sorted_tables), "inbox"]
        await self.execute(
            f"TRUNCATE {', '.join(TABLES)}",
            *(f"INSERT INTO {one} OVERRIDING SYSTEM VALUE SELECT * FROM {backup}.{one}" for one in names),
            f"DROP SCHEMA {backup} CASCADE",
        )
        await self.lives.commit()
        await self.networks.commit()

    async def owner(self, name: str, networks: Mapping[str, str]) -> Owner:
        """An owner whose networks the provisioner has found."""
        owner = await self.scene.owner(name, {})
        await self.discover(owner, owner.provider, networks)
        return owner

    async def discover(self, owner: Owner, provider: str, networks: Mapping[str, str]) -> None:
        known = (await owner.http.get(f"/v1/providers/{provider}")).json()
        found = [network(owner, known, native_id, [subnet]) for native_id, subnet in networks.items()]
        owner.resources += [str(one.id) for one in found]
        await self.happen(
            *(ResourceDiscovered(resource_id=one.id, at=now(), resource=one) for one in found),
            ProviderDiscovered(
                provider_id=UUID(provider),
                at=now(),
                account=known["account"],
                resources=tuple(one.id for one in found),
            ),
        )

    async def connect(self, asks: Owner, agrees: Owner, side: int = 0) -> UUID:
        """An established connection, agreed to by the other side, that is up."""
        one = await self.ask(asks, agrees, side)
        await self.agree(one, agrees)
        await self.establish(one, 1)
        return one

    async def ask(self, asks: Owner, agrees: Owner, side: int = 0) -> UUID:
        wanted = {"resource_left": asks.resources[side], "resource_right": agrees.resources[0]}
        answer = await asks.http.post("/v1/connections", json=wanted)
        assert answer.is_success, answer.text
        return UUID(answer.json()["id"])

    async def agree(self, one: UUID, owner: Owner) -> None:
        path = f"/v1/connections/{one}"
        terms = (await owner.http.get(path)).json()["consent"]["terms"]
        answer = await owner.http.post(f"{path}/approve", json={"terms": terms})
        assert answer.is_success, answer.text

    async def establish(self, one: UUID, generation: int) -> None:
        [row] = [row for row in await self.rows() if row["id"] == one]
        wish = Connection.model_validate(dict(row)).wish
        await self.happen(
            said(ConnectionEvaluated, one, generation, ctype="AWS_PEERING", alternatives=(), wish=wish),
            said(
                ConnectionEstablished, one, generation, ctype="AWS_PEERING", details={"peering_id": "pcx-1"}
            ),
            said(ConnectionHealthChanged, one, generation, health="UP", previous="UNKNOWN", at=now()),
        )

    async def rows(self) -> list[Any]:
        async with self.database.acquire() as connection:
            return list(await connection.fetch("SELECT * FROM connections"))


def said(kind: type[Event], one: UUID, generation: int, **values: object) -> Event:
    return kind.model_validate({"connection_id": one, "generation": generation, **values})


STEP = Step(action="create_route", side=Side.LEFT, target="rtb-1 10.2.0.0/16")
HTTPS = {"protocol": "tcp", "from_port": 443, "to_port": 443}


@pytest.fixture
def world(scene: Scene, producer: Producer, topic: Topic, answers: Topic) -> World:
    return World(scene, producer, topic, answers)


@pytest.fixture
async def lena(world: World) -> Owner:
    return await world.owner("lena", {"vpc-1": "10.1.0.0/16", "vpc-3": "10.3.0.0/16"})


@pytest.fixture
async def ravi(world: World) -> Owner:
    return await world.owner("ravi", {"vpc-2": "10.2.0.0/16"})


async def test_an_older_backup_is_brought_up_to_date(world: World, lena: Owner, ravi: Owner) -> None:
    leaving, changing = await world.connect(lena, ravi), await world.connect(lena, ravi, 1)
    async with world.restored_after():
        await lena.http.delete(f"/v1/connections/{leaving}")
        await world.happen(said(ConnectionDeleted, leaving, 2))
        again = await world.connect(lena, ravi)
        await lena.http.patch(f"/v1/connections/{changing}", json={"l4filters": [HTTPS]})
        await world.agree(changing, ravi)
        await world.establish(changing, 2)
        await world.happen(said(ConnectionDrifted, changing, 2, differences=[STEP]))
        made = await lena.http.post("/v1/providers", json=provider_request(lena.service))
        await world.discover(lena, made.json()["id"], {"vpc-9": "10.9.0.0/16"})
        refused = await world.ask(lena, ravi, 2)
        await ravi.http.post(f"/v1/connections/{refused}/refuse", json={"reason": "no"})
        await lena.http.post(f"/v1/connections/{refused}/retry")
        await world.happen(
            ProviderUnreachable(provider_id=UUID(ravi.provider), at=now(), code="denied", reason="denied")
        )
        before = await world.model()
    assert len((await world.replay()).left) == 5
    assert await world.scene.published() == []
    await world.replayed(RESTORED)
    # A provider that is registered anew is looked at anew.
    await world.execute("UPDATE providers SET status = 'REACHABLE' WHERE status = 'PENDING'")
    assert [one for one in await world.model() if one[0] != "provider"] == [
        one for one in before if one[0] != "provider"
    ]
    handed_on = await world.relay()
    assert {(one.event.key, one.event.happening()) for one in handed_on} == {
        (str(leaving), "deletion_requested"),
        (str(changing), "requested"),
        (str(again), "requested"),
    }
    assert await world.replayed() == []


async def test_what_a_projection_has_spoilt_is_as_before_and_nobody_is_told_again(
    world: World, lena: Owner, ravi: Owner
) -> None:
    await lena.http.patch(f"/v1/resources/{lena.resources[0]}", json={"description": "orders"})
    one = await world.connect(lena, ravi)
    two = await world.ask(lena, ravi, 1)
    await world.agree(two, ravi)
    await world.happen(
        said(ConnectionFailed, two, 1, ctype="AWS_PEERING", code="quota", reason="none left"),
        said(ConnectionDrifted, one, 1, differences=[STEP]),
    )
    before = await world.model()
    await world.execute(
        "UPDATE connections SET state = 'PROVISIONING', details = '{}', flags = '[]', health = 'DOWN'",
        "DELETE FROM timeline WHERE source <> 'onenet-api'",
        "UPDATE resources SET subnets = '{10.7.0.0/16}', snapshot = snapshot || '{\"name\": \"wrong\"}'",
        f"DELETE FROM resources WHERE id = '{lena.resources[1]}'",
        "UPDATE providers SET status = 'UNREACHABLE', announced = '[]', status_reason = 'wrong'",
    )
    assert len(await world.replayed()) == 2 + 3 + 2
    assert await world.model() == before
    assert await world.replayed() == []
    assert await world.scene.published() == []


async def test_a_dry_run_tells_what_differs_and_changes_nothing(
    world: World, lena: Owner, ravi: Owner
) -> None:
    one = await world.connect(lena, ravi)
    assert await world.replay(Options(dry_run=True)) == Findings()
    await world.execute("UPDATE connections SET state = 'FAILED'", "UPDATE resources SET state = 'GONE'")
    spoilt = await world.model()
    differences = (await world.replay(Options(dry_run=True))).differences
    assert f"connection {one} is FAILED, by the topic ESTABLISHED; differs in state" in differences
    assert f"resource {ravi.resources[0]} is GONE here" in differences
    assert await world.model() == spoilt


async def test_what_is_decided_or_waits_meanwhile_is_left_to_the_api(
    world: World, lena: Owner, ravi: Owner
) -> None:
    one = await world.connect(lena, ravi)
    two = await world.ask(lena, ravi, 1)
    await world.relay()
    await world.send(Message.of(said(ConnectionDrifted, one, 1, differences=[STEP])))
    await world.agree(two, ravi)
    before = await world.model()
    assert await world.replayed() == []
    assert await world.model() == before
    assert happenings(await world.relay()) == ["approved", "requested"]


async def test_a_decision_between_reading_and_writing_stands(world: World, lena: Owner, ravi: Owner) -> None:
    one = await world.connect(lena, ravi)
    await world.execute("UPDATE connections SET details = '{}'")
    async with opened(world.lives.settings, [world.lives.name], say=print, group=world.lives.group) as past:
        reading = past.read

        async def read_while_somebody_deletes(topic: str) -> AsyncIterator[list[Told]]:
            async for batch in reading(topic):
                yield batch
            await lena.http.delete(f"/v1/connections/{one}")

        past.read = read_while_somebody_deletes  # type: ignore[method-assign]
        findings, yesterday = Findings(), now() - timedelta(days=1)
        await connections.replay(past, world.lives.name, world.database, findings, PLAIN, yesterday)
    assert findings == Findings()
    [row] = await world.rows()
    assert (row["state"], row["generation"]) == ("DELETING", 2)


async def test_what_is_older_than_the_timeline_is_no_lost_decision(
    world: World, lena: Owner, ravi: Owner
) -> None:
    await world.connect(lena, ravi)
    await world.execute("DELETE FROM timeline", "UPDATE connections SET details = '{}'")
    async with opened(world.lives.settings, [world.lives.name], say=print, group=world.lives.group) as past:
        findings = Findings()
        await connections.replay(past, world.lives.name, world.database, findings, PLAIN, now())
    assert (len(findings.differences), findings.left) == (1, [])
    assert (await world.rows())[0]["details"] == {"peering_id": "pcx-1"}


async def test_what_cannot_be_restored_is_told(world: World, lena: Owner, ravi: Owner) -> None:
    async with world.restored_after():
        theo = await world.owner("theo", {"vpc-5": "10.5.0.0/16"})
        unowned = await world.connect(lena, theo)
        restored = await world.connect(lena, ravi)
    findings = await world.replay(RESTORED)
    assert sorted(findings.left) == sorted(
        [
            f"connection {unowned}: of service {theo.service}, which is not known here",
            f"provider {theo.provider}: of service {theo.service}, which is not known here",
        ]
    )
    assert [row["id"] for row in await world.rows()] == [restored]


async def test_a_pair_that_was_connected_anew_keeps_its_newer_connection(
    world: World, lena: Owner, ravi: Owner
) -> None:
    async with world.restored_after():
        lost = await world.connect(lena, ravi)
    newer = await world.connect(lena, ravi)
    assert (await world.replay(RESTORED)).left == [
        f"connection {lost}: its networks have another live connection here"
    ]
    assert [row["id"] for row in await world.rows()] == [newer]
