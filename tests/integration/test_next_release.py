"""The next release has widened every table already, and this one goes on working beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from onenet_common.bus import in_transaction
from onenet_common.connection import CType
from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEstablished
from onenet_common.settings import Settings
from onenet_common.states import State
from onenet_monitor import store
from onenet_monitor.flows.keeping import Keeping
from onenet_monitor.handlers import handle
from onenet_monitor.tables import Table
from tests.integration.api_scene import Scene
from tests.integration.flow_scene import HOURS, MINUTES, Flow, FlowScene, known_since, now, some, text
from tests.integration.link_scene import LinkScene
from tests.integration.test_api_connections import ask, establish, pending
from tests.samples import NOW, deletion_requested, evaluated, requested, sampled, wish

WISH = wish()
NEW_TABLE = "of_the_next_release"


async def widen(database: Database) -> None:
    """What the next release's migration may do to a schema that this release still works on."""
    async with database.transaction() as connection:
        tables = await connection.fetch(
            "SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace($1) "
            "AND relkind IN ('r', 'p') AND NOT relispartition",
            database.schema,
        )
        for table in tables:
            await connection.execute(
                f"ALTER TABLE {table['name']} ADD COLUMN next_needed text NOT NULL DEFAULT 'needed', "
                "ADD COLUMN next_optional text"
            )
        await connection.execute(f"CREATE TABLE {NEW_TABLE} (id uuid PRIMARY KEY)")


async def defaults(database: Database, table: str) -> set[tuple[str, str | None]]:
    async with database.acquire() as connection:
        rows = await connection.fetch(f"SELECT next_needed, next_optional FROM {table}")
    return {(row["next_needed"], row["next_optional"]) for row in rows}


@pytest.fixture
async def api(postgres_url: str) -> AsyncIterator[Scene]:
    """In a schema of its own, since it does not stay as it was."""
    scene = Scene(postgres_url, schema="api_next_release")
    await scene.start()
    yield scene
    await scene.stop()


async def test_requests_consents_and_folds_go_on(api: Scene) -> None:
    left = await api.owner("lena", {"vpc-1": ["10.1.0.0/16"], "vpc-3": ["10.3.0.0/16"]})
    right = await api.owner("ravi", {"vpc-2": ["10.2.0.0/16"], "vpc-4": ["10.4.0.0/16"]})
    before = await pending(left, right)
    agreed = await ask(right, right.resources[0], left.resources[0])
    await establish(api, agreed.json())

    await widen(api.database)

    assert (await left.http.delete(f"/v1/connections/{before['id']}")).status_code == 202
    after = (await ask(left, left.resources[1], right.resources[1])).json()
    agreed = await ask(right, right.resources[1], left.resources[1])
    await establish(api, agreed.json())
    seen = (await left.http.get(f"/v1/connections/{after['id']}")).json()
    assert seen["state"] == "ESTABLISHED"
    timeline = (await left.http.get(f"/v1/connections/{after['id']}/timeline")).json()
    assert len(timeline["items"]) == 4
    for table in ("connections", "timeline", "audit", "outbox"):
        assert await defaults(api.database, table) == {("needed", None)}


async def test_links_go_on(postgres_url: str) -> None:
    links = LinkScene(postgres_url)
    await links.database.start()
    await links.want(evaluated(WISH))
    await links.settle()

    await widen(links.database)

    await links.want(deletion_requested(wish(2, id=WISH.id)))
    await links.settle()
    await links.want(evaluated(wish()))
    await links.settle()
    assert await links.told() == ["established", "UP", "deleted", "established", "UP"]
    assert await defaults(links.database, "links") == {("needed", None)}
    await links.database.stop()


async def test_standings_and_verdicts_go_on(postgres_url: str) -> None:
    database = Database(postgres_url, schema="monitor_next_release", metadata=Table.metadata, size=4)
    await database.start()
    take_in = in_transaction(database, "monitor", handle)
    established = ConnectionEstablished(
        connection_id=WISH.id, generation=1, ctype=CType.AWS_PEERING, details={}
    )
    await take_in([requested(WISH), sampled(WISH.id, "UP", NOW)])

    await widen(database)

    await take_in([Message.of(established), requested(wish()), sampled(WISH.id, "DOWN", NOW)])
    async with database.acquire() as connection:
        assert (await store.count_standings(connection))[State.ESTABLISHED, CType.AWS_PEERING] == 1
    for table in ("verdicts", "standings", "inbox"):
        assert await defaults(database, table) == {("needed", None)}
    await database.stop()


async def test_traffic_goes_on_being_counted(settings: Settings) -> None:
    scene = FlowScene(settings)
    await scene.start()
    await scene.know(known_since(now() - timedelta(days=1)))
    flows = some(60, 1)
    async with scene.counting():
        await scene.send(text(flows[:20]))
        await scene.counted(1)
        await widen(scene.database)
        await scene.send(text(flows[20:40]))
        await scene.counted(2)
    # What is made and counted first by a process of this release that starts now.
    await scene.know(known_since(now()))
    async with scene.counting():
        await scene.send(text([*flows[40:], Flow(now() - timedelta(days=3), 1)]))
        await scene.counted(3)
    await Keeping(scene.database, MINUTES, HOURS).keep()
    assert sum((await scene.sums()).values()) == sum(flow.size for flow in flows) + 1
    assert await defaults(scene.database, "flow_hours") == {("needed", None)}
    await scene.stop()
