"""Health as the monitor publishes it: what is true now, and how long what was true in each month."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from onenet_common.bus import in_transaction
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import ConnectionDeleted, ConnectionEstablished, ConnectionHealthChanged
from onenet_common.states import Health
from onenet_monitor import verdict_store
from onenet_monitor.handlers import handle
from onenet_monitor.judging import AHEAD
from onenet_monitor.main import MIGRATIONS
from onenet_monitor.periods import Period
from onenet_monitor.rejudging import Rejudging
from tests import databases
from tests.integration.publications import published
from tests.samples import deletion_requested, requested, sampled, wish

_numbers = count(1)
WISH = wish()
MONTH_END = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=60)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, schema=f"availability_{next(_numbers)}", migrations=MIGRATIONS, size=4)
    await databases.start(database, MIGRATIONS)
    yield database
    await database.stop()


async def take_in(database: Database, *messages: Message) -> None:
    await in_transaction(database, "monitor", handle)(messages)


def every_minute(letters: str, start: datetime, connection_id: UUID = WISH.id) -> list[Message]:
    words = {"U": "UP", "G": "DEGRADED", "D": "DOWN"}
    return [
        sampled(connection_id, words[letter], start + INTERVAL * place)
        for place, letter in enumerate(letters)
    ]


async def months(
    database: Database, connection_id: UUID = WISH.id, zone: str = "UTC"
) -> dict[date, tuple[float, ...]]:
    """Seconds available, degraded, down and unknown by month, told to somebody in this zone."""
    async with database.transaction() as connection:
        await connection.execute(f"SET LOCAL TIME ZONE '{zone}'")
        rows = await connection.fetch(
            "SELECT * FROM connection_availability WHERE connection_id = $1", connection_id
        )
    names = ("available_seconds", "degraded_seconds", "down_seconds", "unknown_seconds")
    return {row["month"]: tuple(float(row[name]) for name in names) for row in rows}


async def told(database: Database) -> Any:
    async with database.acquire() as connection:
        return await connection.fetchrow("SELECT * FROM connection_health WHERE connection_id = $1", WISH.id)


async def healths(database: Database) -> list[str]:
    events: Sequence[Any] = await published(database)
    return [event.health for event in events if isinstance(event, ConnectionHealthChanged)]


def ended(at: datetime) -> Message:
    event = ConnectionDeleted(connection_id=WISH.id, generation=2)
    return replace(Message.of(event), time=at)


async def live_until(database: Database, at: datetime) -> None:
    """A connection that came to its end."""
    await take_in(database, deletion_requested(wish(2, id=WISH.id)), ended(at))


async def test_each_month_has_what_it_had_to_the_second(database: Database) -> None:
    established = ConnectionEstablished(connection_id=WISH.id, generation=1, ctype="AWS_PEERING", details={})
    await take_in(database, requested(WISH), Message.of(established))
    await take_in(database, *every_minute("U" * 30 + "D" * 40 + "G" * 30, MONTH_END))
    await live_until(database, MONTH_END + INTERVAL * 100)
    # Down with the second bad sample, better with the third good one.
    for zone in ("UTC", "Pacific/Auckland"):
        assert await months(database, zone=zone) == {
            date(2026, 10, 1): (31 * 60.0, 0.0, 29 * 60.0, 0.0),
            date(2026, 11, 1): ((100 - 72) * 60.0, (100 - 72) * 60.0, 12 * 60.0, 0.0),
        }


async def test_the_same_comes_of_it_however_it_is_batched_and_repeated(database: Database) -> None:
    other = uuid4()
    letters = "UUDDDUUUGGUUUDUDUDUDUD" * 3
    one, same = every_minute(letters, MONTH_END), every_minute(letters, MONTH_END, other)
    await take_in(database, *one)
    for first in range(0, len(same), 7):
        await take_in(database, *same[first : first + 7])
        # Anew under other ids, as when a topic is replayed after the inbox was cleaned.
        await take_in(database, *every_minute(letters[: first + 3], MONTH_END, other))
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT * FROM health_periods ORDER BY since")
    kept = {
        which: [tuple(row)[1:] for row in rows if row["connection_id"] == which] for which in (WISH.id, other)
    }
    assert kept[WISH.id] == kept[other]
    assert len(kept[other]) > 3


async def test_silence_is_counted_apart_from_its_own_time_on(database: Database) -> None:
    await take_in(database, *every_minute("UUU", MONTH_END))
    later = MONTH_END + timedelta(minutes=30)
    await take_in(database, *every_minute("UUU", later))
    found = await months(database)
    assert found[date(2026, 10, 1)] == (2 * (7 * 60.0), 0.0, 0.0, 3600 - 14 * 60.0)


async def test_what_the_monitor_itself_does_not_judge_any_more_is_told_as_unknown(database: Database) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    await take_in(database, *every_minute("UU", long_ago))
    row = await told(database)
    silent_at = long_ago + INTERVAL + timedelta(minutes=5)
    assert (row["health"], row["since"]) == ("UNKNOWN", silent_at)
    assert row["reasons"] == [f"nothing heard since {long_ago + INTERVAL:%Y-%m-%dT%H:%M:%SZ}"]
    async with database.acquire() as connection:
        assert await verdict_store.count(connection) == {"UNKNOWN": 1}
        assert await connection.fetchval("SELECT health FROM verdicts") == "UP"
    assert await Rejudging(database).judge(datetime.now(UTC)) == 1
    assert await healths(database) == ["UP", "UNKNOWN"]
    after = await told(database)
    assert (after["health"], after["since"]) == ("UNKNOWN", silent_at)


async def test_what_is_due_is_judged_once_by_however_many(database: Database) -> None:
    now = datetime.now(UTC)
    await take_in(database, *every_minute("U", now - timedelta(minutes=10)))
    judged = [await Rejudging(database).judge(now) for _ in range(3)]
    assert judged == [1, 0, 0]
    assert await healths(database) == ["UP", "UNKNOWN"]


async def test_what_is_due_at_this_very_moment_is_judged(database: Database) -> None:
    await take_in(database, *every_minute("U", datetime.now(UTC) - timedelta(minutes=10)))
    async with database.acquire() as connection:
        due_at = await connection.fetchval("SELECT due_at FROM verdicts")
    assert await Rejudging(database).judge(due_at) == 1


async def test_no_period_ends_before_it_began_and_one_alone_begins_at_a_time(database: Database) -> None:
    """An end may be told with an earlier time, of another clock, and health may change twice in a moment."""
    await take_in(database, *every_minute("U", MONTH_END))
    up = Period(MONTH_END, MONTH_END, Health.UP)
    down = Period(MONTH_END, None, Health.DOWN)
    async with database.acquire() as connection:
        for period in (up, down):
            await verdict_store.keep_periods(connection, {WISH.id: [period]})
        await verdict_store.close_periods(connection, {WISH.id: MONTH_END - INTERVAL})
        [row] = await connection.fetch("SELECT since, until, health FROM health_periods")
    assert tuple(row) == (MONTH_END, MONTH_END, "DOWN")


async def test_the_age_of_a_source_is_that_of_its_newest_sample(database: Database) -> None:
    now = datetime.now(UTC)
    for minutes in (1, 4, 2):
        await take_in(database, sampled(uuid4(), "UP", now - timedelta(minutes=minutes)))
    async with database.acquire() as connection:
        ages = await verdict_store.sample_ages(connection)
    assert 60 <= ages["control-plane"] < 110


async def test_the_month_that_goes_on_is_told_so_far(database: Database) -> None:
    now = datetime.now(UTC)
    await take_in(database, sampled(WISH.id, "UP", now - timedelta(seconds=30)))
    [(available, degraded, down, unknown)] = [await _summed(database)]
    assert available >= 30
    assert (degraded, down, unknown) == (0, 0, 0)


async def _summed(database: Database) -> tuple[float, ...]:
    found = await months(database)
    return tuple(map(sum, zip(*found.values(), strict=True)))


async def test_what_a_sample_says_of_the_future_is_not_believed(database: Database) -> None:
    ahead = datetime.now(UTC) + 2 * AHEAD
    await take_in(database, sampled(WISH.id, "DOWN", ahead), sampled(WISH.id, "UP", datetime.now(UTC)))
    assert (await told(database))["health"] == Health.UP


async def test_the_api_may_read_the_views_and_nothing_else(database: Database, postgres_url: str) -> None:
    await take_in(database, *every_minute("U", datetime.now(UTC)))
    reader = f"reader_{next(_numbers)}"
    async with database.acquire() as connection:
        await connection.execute(f"CREATE ROLE {reader}")
        await connection.execute(f"GRANT USAGE ON SCHEMA {database.schema} TO {reader}")
        await connection.execute(f"GRANT SELECT ON connection_health, connection_availability TO {reader}")
    theirs = await database.connect()
    await theirs.execute(f"SET ROLE {reader}")
    assert await theirs.fetchval("SELECT count(*) FROM connection_health") == 1
    assert await theirs.fetchval("SELECT count(*) FROM connection_availability") >= 1
    for statement in (
        "SELECT * FROM verdicts",
        "UPDATE connection_health SET generation = 9",
        "DELETE FROM connection_health",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await theirs.execute(statement)
    await theirs.close()


async def test_verdicts_from_before_are_taken_over(postgres_url: str) -> None:
    database = Database(postgres_url, schema=f"availability_{next(_numbers)}", migrations=MIGRATIONS, size=2)
    last = datetime.now(UTC) - timedelta(minutes=1)
    since = last - timedelta(days=1)
    connection = await database.connect()
    await connection.execute(f"CREATE SCHEMA {database.schema}")
    for revision in ("0001_first", "0002_retention"):
        for statement in import_module(f"{MIGRATIONS.package}.versions.{revision}").STATEMENTS:
            await connection.execute(statement)
    await connection.execute(
        "INSERT INTO verdicts VALUES ($1, 1, 'UP', 'DOWN', 1, '[]', $2, $3)", WISH.id, since, last
    )
    await connection.close()
    await databases.start(database, MIGRATIONS)
    row = await told(database)
    assert (row["health"], row["since"]) == ("UP", since)
    assert sum((await months(database)).popitem()[1]) > 0
    await take_in(database, *every_minute("UDD", last))
    assert await healths(database) == ["DOWN"]
    await database.stop()
