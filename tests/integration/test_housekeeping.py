"""Every table that grows is bounded, in small batches, and what is still needed stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import MetaData

from onenet_api.main import retentions
from onenet_api.settings import ApiSettings
from onenet_api.tables import METADATA as API
from onenet_common.database import Database
from onenet_common.housekeeping import INBOX, Housekeeping, Retention
from onenet_common.topics import DAY, configurations
from onenet_monitor.store import ENDED_STANDINGS
from onenet_monitor.tables import Table as MonitorTable
from onenet_provisioner.link_store import TOMBSTONES
from onenet_provisioner.tables import Table as ProvisionerTable

_numbers = count(1)
API_RETENTIONS = retentions(ApiSettings(api_oidc_issuer="https://sign-on.example.com", api_audit_days=100))


class Schema(Database):
    """One service's tables, in a schema that nobody else uses."""

    def __init__(self, url: str, metadata: MetaData) -> None:
        super().__init__(url, schema=f"housekeeping_{next(_numbers)}", metadata=metadata, size=3)

    async def add(self, table: str, **values: Any) -> None:
        """A row whose times are SQL."""
        async with self.acquire() as connection:
            await connection.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))})"
            )

    async def column(self, table: str, column: str) -> list[Any]:
        async with self.acquire() as connection:
            return [row[0] for row in await connection.fetch(f"SELECT {column} FROM {table} ORDER BY 1")]


@pytest.fixture
async def api(postgres_url: str) -> AsyncIterator[Schema]:
    async for schema in _started(Schema(postgres_url, API)):
        yield schema


@pytest.fixture
async def provisioner(postgres_url: str) -> AsyncIterator[Schema]:
    async for schema in _started(Schema(postgres_url, ProvisionerTable.metadata)):
        yield schema


@pytest.fixture
async def monitor(postgres_url: str) -> AsyncIterator[Schema]:
    async for schema in _started(Schema(postgres_url, MonitorTable.metadata)):
        yield schema


async def _started(schema: Schema) -> AsyncIterator[Schema]:
    await schema.start()
    yield schema
    await schema.stop()


def ago(days: int) -> str:
    return f"now() - interval '{days} days'"


def an_id() -> str:
    return f"'{uuid4()}'"


async def link(schema: Schema, reason: str, days: int, phase: str = "ENDED", **values: str) -> str:
    """A link known by its reason, last written so many days ago."""
    key = an_id()
    row = {"generation": 1, "phase": f"'{phase}'", "wish": "'{}'", "details": "'{}'", "trace": "'{}'"}
    row |= {"drifted": "false", "announce": "false", "attempts": "0", "deadline_at": "now()"}
    await schema.add("links", connection_id=key, reason=f"'{reason}'", updated_at=ago(days), **(row | values))
    return key


async def test_a_backlog_goes_in_batches_until_it_is_gone(api: Schema) -> None:
    for days in [30] * 25 + [1] * 3:
        await api.add("inbox", event_id=an_id(), consumer="'c'", received_at=ago(days))
    await Housekeeping(api, batch=10).clean()
    assert len(await api.column("inbox", "event_id")) == 3


async def test_a_batch_is_no_larger_than_it_may_be(api: Schema) -> None:
    for _ in range(5):
        await api.add("inbox", event_id=an_id(), consumer="'c'", received_at=ago(30))
    async with api.acquire() as connection:
        assert await connection.execute(INBOX.deletion(), INBOX.days, 2) == "DELETE 2"


async def test_audit_timeline_and_answers_are_kept_as_long_as_they_are_said_to_be(api: Schema) -> None:
    words = {"actor": "'a'", "trace_id": "''"}
    for days in (0, 99, 101, 399, 401):
        entry = {"action": f"'{days}'", "object_type": "''", "object_id": an_id(), "detail": "'{}'"}
        await api.add("audit", id=an_id(), time=ago(days), services="'{}'", **entry, **words)
        event = {"type": f"'{days}'", "source": "''", "generation": 1, "summary": "''", "data": "'{}'"}
        await api.add("timeline", id=an_id(), connection_id=an_id(), time=ago(days), **event, **words)
    for days in (0, 2):
        answer = {"request_digest": "''", "status": 200, "location": "''", "etag": "''", "body": "''"}
        await api.add("answers", caller="'a'", key=f"'{days}'", created_at=ago(days), **answer)
    await Housekeeping(api, *API_RETENTIONS).clean()
    assert await api.column("audit", "action") == ["0", "99"]
    assert await api.column("timeline", "type") == ["0", "101", "399", "99"]
    assert await api.column("answers", "key") == ["0"]


async def test_an_event_that_was_never_published_is_kept_however_old_it_is(api: Schema) -> None:
    await api.add("outbox", topic="'t'", key="'k'", headers="'{}'", value="''", created_at=ago(5000))
    await Housekeeping(api, *API_RETENTIONS).clean()
    assert await api.column("outbox", "topic") == ["t"]


async def test_only_links_that_ended_long_ago_and_rest_are_forgotten(provisioner: Schema) -> None:
    await link(provisioner, "ended long ago", 31)
    await link(provisioner, "ended lately", 29)
    await link(provisioner, "established long ago", 900, "WATCHED")
    await link(provisioner, "to be told again", 31, due_at="now()")
    await link(provisioner, "in hand", 31, lease=an_id())
    await Housekeeping(provisioner, TOMBSTONES).clean()
    kept = ["ended lately", "established long ago", "in hand", "to be told again"]
    assert await provisioner.column("links", "reason") == kept


async def test_a_link_that_a_handler_has_in_hand_is_passed_over(provisioner: Schema) -> None:
    held = await link(provisioner, "asked for again", 31)
    await link(provisioner, "ended long ago", 31)
    async with provisioner.transaction() as handler:
        await handler.execute(f"SELECT FROM links WHERE connection_id = {held} FOR UPDATE")
        await Housekeeping(provisioner, TOMBSTONES).clean()
    assert await provisioner.column("links", "reason") == ["asked for again"]


async def test_only_standings_of_what_ended_long_ago_are_forgotten(monitor: Schema) -> None:
    for state, days in [("DELETED", 31), ("DELETED", 29), ("PLANNED", 31), ("ESTABLISHED", 900)]:
        standing = {"generation": days, "state": f"'{state}'", "stands": "false", "asked_at": ago(1000)}
        await monitor.add("standings", connection_id=an_id(), moved_at=ago(days), **standing)
    await Housekeeping(monitor, ENDED_STANDINGS).clean()
    assert await monitor.column("standings", "generation") == [29, 900]


async def test_every_deletion_finds_its_rows_by_an_index(
    api: Schema, provisioner: Schema, monitor: Schema
) -> None:
    for schema, kept in [
        (api, (INBOX, *API_RETENTIONS)),
        (provisioner, [TOMBSTONES]),
        (monitor, [ENDED_STANDINGS]),
    ]:
        for retention in kept:
            plan = await _plan(schema, retention)
            assert "Index" in plan, plan
            assert "Sort" not in plan, plan


async def _plan(schema: Schema, retention: Retention) -> str:
    """How the rows would be found in a table too large to be read as a whole."""
    async with schema.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        rows = await connection.fetch(f"EXPLAIN {retention.deletion()}", retention.days, 10_000)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("memory", [INBOX, TOMBSTONES, ENDED_STANDINGS], ids=lambda one: one.table)
def test_what_recognizes_a_replay_outlives_every_topic(memory: Retention) -> None:
    kept = [int(one.get("retention.ms", 0)) for one in configurations().values()]
    assert memory.days * DAY > max(kept)
