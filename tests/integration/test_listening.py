"""Traffic by the minute becomes health by way of the verdicts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest

from onenet_common.bus import in_transaction
from onenet_common.database import Database
from onenet_common.events import ConnectionHealthChanged
from onenet_monitor.handlers import handle
from onenet_monitor.listening import FlowMinutes, Listening
from onenet_monitor.tables import Table
from tests.integration.publications import published
from tests.samples import sampled

_numbers = count(1)
MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
LEFT, RIGHT, ELSEWHERE = uuid4(), uuid4(), uuid4()
CARRIED = uuid4()

TABLE = """
CREATE TABLE flow_minutes (
    minute timestamptz NOT NULL, kind text NOT NULL, connection uuid, source uuid, target uuid,
    observer text NOT NULL, protocol smallint NOT NULL, port integer NOT NULL, reply boolean NOT NULL,
    accepted boolean NOT NULL, bytes bigint NOT NULL, packets bigint NOT NULL, flows bigint NOT NULL)
"""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, schema=f"listening_{next(_numbers)}", metadata=Table.metadata, size=4)
    await database.start()
    async with database.acquire() as connection:
        await connection.execute("DROP TABLE IF EXISTS flow_minutes")
        await connection.execute(TABLE)
    yield database
    await database.stop()


async def flow(
    database: Database,
    connection_id: UUID | None,
    first: int,
    last: int,
    *,
    source: UUID = LEFT,
    accepted: bool = True,
) -> None:
    """Traffic in each minute from so many minutes ago to so many minutes ago, seen at its source."""
    kind = "connection" if connection_id else "internet"
    async with database.acquire() as connection:
        await connection.executemany(
            "INSERT INTO flow_minutes VALUES ($1, $2, $3, $4, $5, 'source', 6, 443, false, $6, 1, 1, 1)",
            [
                (NOW - MINUTE * back, kind, connection_id, source, RIGHT, accepted)
                for back in range(last, first + 1)
            ],
        )


async def listen(database: Database, *minutes: int) -> list[tuple[str, str]]:
    """Who was told what, when the traffic was listened to in these minutes from now on."""
    for minute in minutes:
        at = NOW + MINUTE * minute
        looked = sampled(CARRIED, "UP", at)
        await in_transaction(database, "monitor", handle)([looked])
        for _replica in range(2):
            await Listening(database, FlowMinutes()).listen(at)
    events = await published(database)
    return [(event.previous, event.health) for event in events if isinstance(event, ConnectionHealthChanged)]


async def test_a_connection_whose_traffic_stopped_is_degraded_and_says_why(database: Database) -> None:
    await flow(database, CARRIED, 100, 30)
    await flow(database, None, 100, 0)
    assert await listen(database, 0, 1) == [("UNKNOWN", "UP"), ("UP", "DEGRADED")]
    async with database.acquire() as connection:
        [row] = await connection.fetch("SELECT reasons, sources FROM verdicts")
    assert row["reasons"][0].startswith("flows: DEGRADED since ")
    assert row["sources"]["flows"]["sides"] == ["both"]
    assert len(row["sources"]["flows"]["recent"]) == 2


async def test_what_others_carry_elsewhere_does_not_make_silence(database: Database) -> None:
    await flow(database, CARRIED, 100, 30)
    await flow(database, None, 100, 0, source=ELSEWHERE)
    assert await listen(database, 0, 1) == [("UNKNOWN", "UP")]


async def test_what_was_refused_was_not_carried(database: Database) -> None:
    await flow(database, CARRIED, 100, 30)
    await flow(database, CARRIED, 29, 0, accepted=False)
    await flow(database, None, 100, 0)
    assert await listen(database, 0, 1) == [("UNKNOWN", "UP"), ("UP", "DEGRADED")]


async def test_steady_traffic_is_a_source_that_says_up(database: Database) -> None:
    await flow(database, CARRIED, 100, 0)
    assert await listen(database, 0) == [("UNKNOWN", "UP")]
    async with database.acquire() as connection:
        sources = await connection.fetchval("SELECT sources FROM verdicts")
    assert {name: source["health"] for name, source in sources.items()} == {
        "control-plane": "UP",
        "flows": "UP",
    }


async def test_traffic_of_what_is_not_watched_makes_no_verdict(database: Database) -> None:
    await flow(database, uuid4(), 100, 30)
    await flow(database, None, 100, 0)
    assert await listen(database) == []
    await Listening(database, FlowMinutes()).listen(NOW)
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM verdicts") == 0


async def test_minutes_count_from_the_first_on_and_up_to_the_last(database: Database) -> None:
    await flow(database, CARRIED, 10, 0)
    await flow(database, None, 10, 0)
    async with database.acquire() as connection:
        carried = await FlowMinutes().carried(connection, [CARRIED], NOW - MINUTE * 4)
        others = await FlowMinutes().others(connection, CARRIED, NOW - MINUTE * 4, NOW - MINUTE)
    assert sorted(carried[CARRIED]) == [NOW - MINUTE * back for back in (4, 3, 2, 1, 0)]
    assert sorted(others) == [NOW - MINUTE * back for back in (4, 3, 2)]
