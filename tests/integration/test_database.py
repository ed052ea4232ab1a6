"""The database's troubles are told apart from everybody else's, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from onenet_common.database import Database
from onenet_common.dead_letters import topic_of
from onenet_common.errors import Transient
from onenet_common.notifications import Listener
from onenet_common.settings import Settings
from onenet_common.topics import CONFIGURATION, Topics
from onenet_local.postgres import Postgres
from onenet_local.unprivileged import temporary_folder
from tests.integration.bus_scene import EffectRow, Effects
from tests.integration.waiting import eventually


async def test_a_server_that_comes_later_is_waited_for() -> None:
    with temporary_folder() as folder:
        server = Postgres(folder, fsync=False)
        server.make_home()
        database = Database(server.url, schema="late", metadata=EffectRow.metadata)
        starting = asyncio.create_task(database.start())
        with pytest.raises(Transient, match="not connected yet"):
            async with database.acquire():
                pass
        await server.start()
        await asyncio.wait_for(starting, 20)
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM effects") == 0
        await database.stop()
        await server.stop()


async def test_many_starting_at_once_share_one_schema(postgres_url: str) -> None:
    databases = [Database(postgres_url, schema="shared", metadata=EffectRow.metadata) for _ in range(5)]
    await asyncio.gather(*(database.start() for database in databases))
    await asyncio.gather(*(database.stop() for database in databases))


async def test_sorts_have_the_memory_that_was_asked_for(postgres_url: str) -> None:
    database = Database(postgres_url, schema="shared", metadata=EffectRow.metadata, work_mem="33MB")
    await database.start()
    async with database.acquire() as connection:
        assert await connection.fetchval("SHOW work_mem") == "33MB"
    await database.stop()


WRITE = "INSERT INTO effects (health) VALUES ('UP')"


@pytest.mark.parametrize("further", [["SELECT 1"], []], ids=["at a statement", "at the commit"])
@pytest.mark.parametrize("asleep", [asyncio.sleep, time.sleep], ids=["waiting", "stopped"])
async def test_a_transaction_that_falls_asleep_lets_go_of_its_locks_and_is_transient(
    effects: Effects, further: list[str], asleep: Callable[[float], Awaitable[None] | None]
) -> None:
    async def fall_asleep() -> None:
        async with effects.transaction() as connection:
            await connection.execute(WRITE)
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
            await connection.execute("SET idle_in_transaction_session_timeout = '100ms'")
            if (waiting := asleep(0.5)) is not None:
                await waiting
            for statement in further:
                await connection.fetchval(statement)

    with pytest.raises(Transient, match="unavailable"):
        await fall_asleep()
    assert await effects.seen() == []


@pytest.mark.parametrize("further", [["SELECT 1"], []], ids=["at a statement", "at the commit"])
async def test_a_connection_that_is_cut_is_transient_and_the_next_one_works(
    effects: Effects, further: list[str]
) -> None:
    async def write() -> None:
        async with effects.transaction() as connection:
            await connection.execute(WRITE)
            await effects.end_backends()
            for statement in further:
                await connection.fetchval(statement)

    with pytest.raises(Transient, match="unavailable"):
        await write()
    assert await effects.seen() == []


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"])
async def test_statements_that_may_succeed_later_are_transient(effects: Effects, statement: str) -> None:
    async with effects.acquire() as connection:
        await connection.execute("SET statement_timeout = '50ms'")
        with pytest.raises(Transient):
            await connection.execute(statement)


async def test_a_statement_that_takes_too_long_for_us_is_transient(effects: Effects) -> None:
    async with effects.acquire() as connection:
        with pytest.raises(Transient):
            await connection.fetchval("SELECT pg_sleep(60)", timeout=0.05)


@pytest.mark.parametrize("error", [TimeoutError("of a provider's API"), ConnectionResetError("its socket")])
async def test_errors_of_other_work_stay_what_they_are(effects: Effects, error: Exception) -> None:
    async def write() -> None:
        async with effects.transaction() as connection:
            await connection.execute(WRITE)
            raise error

    with pytest.raises(type(error)) as raised:
        await write()
    assert raised.value is error
    assert await effects.seen() == []


async def test_a_wrong_statement_is_nothing_that_may_pass(effects: Effects) -> None:
    async with effects.acquire() as connection:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nowhere")
        with pytest.raises(asyncpg.InterfaceError, match="expects 0 arguments"):
            await connection.execute("SELECT 1", 2)


async def test_after_the_stop_it_is_away(postgres_url: str) -> None:
    database = Database(postgres_url, schema="stopped", metadata=EffectRow.metadata)
    await database.start()
    await database.stop()
    with pytest.raises(Transient):
        async with database.acquire():
            pass


async def test_json_goes_in_as_values_or_as_text_and_comes_out_as_values(effects: Effects) -> None:
    async with effects.acquire() as connection:
        for given in ({"a": [1]}, '{"a": [1]}'):
            assert await connection.fetchval("SELECT $1::jsonb", given) == {"a": [1]}


async def test_a_listener_hears_again_after_its_connection_was_cut(effects: Effects) -> None:
    heard: list[str] = []

    async def hear() -> list[str]:
        return heard

    async def tell(payload: str) -> None:
        async with effects.acquire() as connection:
            await connection.execute("SELECT pg_notify('test_channel', $1)", payload)

    listener = Listener(effects, "test_channel", heard.append)
    await listener.start()
    await eventually(hear, lambda payloads: payloads == [""])
    await tell("one")
    await eventually(hear, lambda payloads: payloads == ["", "one"])

    await effects.end_backends()

    await eventually(hear, lambda payloads: payloads == ["", "one", ""])
    await tell("two")
    await eventually(hear, lambda payloads: payloads == ["", "one", "", "two"])
    await listener.stop()


async def test_topics_are_created_once(settings: Settings) -> None:
    await asyncio.gather(*(Topics(settings).start() for _ in range(3)))
    await Topics(settings).start()
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        names = set(await admin.list_topics())
    finally:
        await admin.close()
    assert {name for topic in CONFIGURATION for name in (topic, topic_of(topic))} <= names
