"""Samples and the life of connections come over the broker, changes of health go out again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest

from onenet_common.bus import in_transaction
from onenet_common.connection import CType
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionEstablished,
    ConnectionHealthChanged,
    ConnectionRejected,
    Event,
)
from onenet_common.producer import Producer
from onenet_common.states import Health
from onenet_monitor import store
from onenet_monitor.handlers import handle
from onenet_monitor.tables import Table
from tests.integration.bus_scene import Topic
from tests.integration.publications import published
from tests.integration.waiting import eventually
from tests.samples import NOW, deletion_requested, evaluated, requested, sampled, wish

_numbers = count(1)
WISH = wish()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, schema=f"monitor_{next(_numbers)}", metadata=Table.metadata, size=4)
    await database.start()
    yield database
    await database.stop()


async def take_in(database: Database, *messages: Message) -> None:
    await in_transaction(database, "monitor", handle)(messages)


async def changes(database: Database) -> list[ConnectionHealthChanged]:
    found = await published(database)
    assert all(isinstance(event, ConnectionHealthChanged) for event in found)
    return [event for event in found if isinstance(event, ConnectionHealthChanged)]


async def healths(database: Database) -> list[tuple[Health, Health]]:
    return [(change.previous, change.health) for change in await changes(database)]


async def counts(database: Database) -> dict[tuple[str, str], int]:
    async with database.acquire() as connection:
        return await store.count_standings(connection)


def samples(*of: str) -> list[Message]:
    return [sampled(WISH.id, health, NOW + timedelta(seconds=place)) for place, health in enumerate(of)]


def of(kind: type[Event], generation: int = 1, **values: object) -> Message:
    return Message.of(kind.model_validate({"connection_id": WISH.id, "generation": generation, **values}))


ESTABLISHED = of(ConnectionEstablished, ctype=CType.AWS_PEERING, details={})


async def test_health_over_the_broker_is_told_once_confirmed(
    topic: Topic, producer: Producer, database: Database
) -> None:
    sent = samples("UP", "DOWN", "UP", "DOWN", "DOWN")
    async with topic.consumed(in_transaction(database, topic.group, handle), producer):
        await producer.send([topic.outgoing(message) for message in [*sent, *sent]])
        seen = await eventually(lambda: healths(database), lambda found: len(found) >= 2)
        await eventually(topic.committed, lambda offset: offset == 10)
    assert seen == await healths(database) == [(Health.UNKNOWN, Health.UP), (Health.UP, Health.DOWN)]
    last = (await changes(database))[-1]
    assert last.reasons == ("control-plane: DOWN since 2026-11-22T12:00:04Z",)
    assert last.at == NOW + timedelta(seconds=4)


async def test_batches_are_judged_as_one_stream(database: Database) -> None:
    for message in samples("UP", "DOWN", "DOWN"):
        await take_in(database, message)
    assert await healths(database) == [(Health.UNKNOWN, Health.UP), (Health.UP, Health.DOWN)]


async def test_a_sample_that_overtakes_the_decision_brings_the_ctype(database: Database) -> None:
    [sample] = samples("UP")
    event = sample.event.model_copy(update={"ctype": CType.AWS_PEERING})
    await take_in(database, replace(sample, event=event))
    assert [change.ctype for change in await changes(database)] == [CType.AWS_PEERING]


async def test_the_life_of_a_connection_is_counted(database: Database) -> None:
    await take_in(database, requested(WISH), evaluated(WISH))
    assert await counts(database) == {("PROVISIONING", "AWS_PEERING"): 1}
    await take_in(database, ESTABLISHED)
    assert await counts(database) == {("ESTABLISHED", "AWS_PEERING"): 1}
    leaving = wish(2, id=WISH.id)
    await take_in(database, deletion_requested(leaving), of(ConnectionDeleted, 2))
    assert await counts(database) == {}


async def test_the_oldest_under_way_is_told_until_it_is_settled(database: Database) -> None:
    async def ages() -> set[str]:
        async with database.acquire() as connection:
            return {state for state, age in (await store.oldest_under_way(connection)).items() if age > 0}

    await take_in(database, requested(WISH), evaluated(WISH))
    assert await ages() == {"PROVISIONING"}
    await take_in(database, ESTABLISHED)
    assert await ages() == set()
    await take_in(database, deletion_requested(wish(2, id=WISH.id)))
    assert await ages() == {"DELETING"}


async def test_a_change_that_is_rejected_leaves_what_stands_and_its_health(database: Database) -> None:
    await take_in(database, requested(WISH), ESTABLISHED, *samples("UP"))
    await take_in(database, requested(wish(2, id=WISH.id)), of(ConnectionRejected, 2, reasons=("overlap",)))
    await take_in(database, sampled(WISH.id, "UP", NOW + timedelta(minutes=1)))
    assert await counts(database) == {("ESTABLISHED", "AWS_PEERING"): 1}
    assert await healths(database) == [(Health.UNKNOWN, Health.UP)]


async def test_the_last_samples_of_what_is_deleted_say_nothing_more(database: Database) -> None:
    await take_in(database, requested(WISH), ESTABLISHED, *samples("UP"))
    await take_in(database, deletion_requested(wish(2, id=WISH.id)), of(ConnectionDeleted, 2))
    await take_in(database, *[sampled(WISH.id, "DOWN", NOW + timedelta(hours=hour)) for hour in (1, 2)])
    assert await healths(database) == [(Health.UNKNOWN, Health.UP)]
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM verdicts") == 0


async def test_what_is_established_anew_is_judged_anew(database: Database) -> None:
    await take_in(database, requested(WISH), of(ConnectionRejected, reasons=("overlap",)))
    again = wish(2, id=WISH.id)
    await take_in(database, requested(again), of(ConnectionEstablished, 2, ctype="AWS_PEERING", details={}))
    await take_in(database, sampled(WISH.id, "UP", NOW, generation=2))
    assert await healths(database) == [(Health.UNKNOWN, Health.UP)]


async def test_connections_are_judged_apart(database: Database) -> None:
    others = [uuid4() for _ in range(3)]
    await take_in(database, *[sampled(one, "UP") for one in others], *samples("DOWN"))
    found = await healths(database)
    assert found.count((Health.UNKNOWN, Health.UP)) == 3
    assert found.count((Health.UNKNOWN, Health.DOWN)) == 1
