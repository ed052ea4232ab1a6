"""Every record of a flow log counts once and where it belongs, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from types import CodeType, FrameType
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord

from onenet_common.database import Database
from onenet_common.envelope import Message
from onenet_common.errors import Transient
from onenet_common.events import ConnectionDeleted, ResourceChanged, ResourceGone
from onenet_common.settings import Settings
from onenet_monitor.flows import buckets, consumer, inventory_store, partitions, positions, rollup, store
from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.keeping import Keeping
from onenet_monitor.flows.store import Overtaken, Stretch
from onenet_monitor.flows.summary import Summary, summarise
from tests.flow_records import frame, record
from tests.integration.flow_scene import (
    HOURS,
    MINUTES,
    WISH,
    Flow,
    FlowScene,
    expected,
    known_since,
    now,
    some,
    text,
)
from tests.integration.waiting import eventually
from tests.samples import LEFT, RIGHT, deletion_requested, network, wish

LONG_AGO = datetime.now(UTC) - timedelta(days=20)


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[FlowScene]:
    scene = FlowScene(settings, partitions=4)
    await scene.start()
    await scene.know(known_since(LONG_AGO))
    yield scene
    await scene.stop()


async def test_records_count_in_their_minute_and_on_their_connection(scene: FlowScene) -> None:
    flows = some(500, 1)
    internet = [Flow(now() - timedelta(minutes=2), 77, target="8.8.8.8")]
    async with scene.counting():
        await scene.send(text(flows[:200]), gzip.compress(text(flows[200:])), text(internet))
        await scene.counted(3)
    assert await scene.sums() == expected(flows) + expected(internet, "internet")
    async with scene.database.acquire() as connection:
        rows = await connection.fetch("SELECT * FROM edges ORDER BY connection")
    assert [
        (row["client"], row["server"], row["connection"], row["protocol"], row["port"]) for row in rows
    ] == [(LEFT.id, RIGHT.id, WISH.id, 6, 443), (LEFT.id, None, None, 6, 443)]
    whens = [flow.start for flow in flows]
    assert (rows[0]["first_seen"], rows[0]["last_seen"]) == (min(whens), max(whens))
    seen = (rows[0]["asked_bytes_at_client"], rows[0]["asked_flows_at_client"])
    assert seen == (sum(flow.size for flow in flows), len(flows))
    assert (rows[0]["client_logged_at"], rows[0]["server_logged_at"]) == (max(whens), None)


async def test_what_was_counted_is_not_counted_again_by_the_next_process(scene: FlowScene) -> None:
    flows = some(300, 2)
    for part in range(3):
        async with scene.counting():
            await scene.send(text(flows[part * 100 : part * 100 + 100]))
            await scene.counted(part + 1)
    assert await scene.sums() == expected(flows)


async def test_members_come_and_go_and_every_record_counts_once(scene: FlowScene) -> None:
    flows = some(4_000, 3)

    async def send() -> None:
        for first in range(0, len(flows), 100):
            await scene.send(text(flows[first : first + 100]))
            await asyncio.sleep(0.1)

    other = scene.another_database()
    await other.start()
    sending = asyncio.create_task(send())
    async with AsyncExitStack() as members:
        async with scene.counting():
            await scene.counted(3)
            await members.enter_async_context(scene.counting(other))
            await scene.counted(20)
        await sending
        await scene.counted(40)
    assert await scene.sums() == expected(flows)
    await other.stop()


async def test_what_a_collector_publishes_twice_counts_once(scene: FlowScene) -> None:
    once, twice, other = some(20, seed=1), some(20, seed=2), some(20, seed=3)
    id_ = str(uuid4())
    await scene.send(text(once))
    # In one batch, and in two; a message whose id is none counts as it comes.
    await scene.send(text(twice), text(twice), id_=id_)
    async with scene.counting():
        await scene.counted(3)
        await scene.send(text(twice), id_=id_)
        await scene.send(text(other), id_="no id")
        await scene.counted(5)
        assert await scene.sums() == expected([*once, *twice, *other])


async def test_of_two_that_count_a_repeated_message_one_does(scene: FlowScene) -> None:
    id_ = uuid4()
    await store.add(scene.database, [], *buckets.nothing(), [id_])
    with pytest.raises(store.Overtaken):
        await store.add(scene.database, [], *buckets.nothing(), [id_])


async def test_a_database_that_goes_away_delays_and_changes_nothing(scene: FlowScene) -> None:
    flows = some(2_000, 4)
    async with scene.counting():
        for first in range(0, len(flows), 100):
            await scene.send(text(flows[first : first + 100]))
            if first % 500 == 0:
                await _end_backends(scene)
        await scene.counted(20)
    assert await scene.sums() == expected(flows)


async def test_records_that_come_days_late_reach_their_minute_hour_and_day(scene: FlowScene) -> None:
    late = now() - timedelta(days=5, hours=3)
    keeping = Keeping(scene.database, MINUTES, HOURS)
    for flow in (Flow(late, 10), Flow(late + timedelta(minutes=1), 5), Flow(late, 100)):
        async with scene.counting():
            await scene.send(text([flow]))
            size = flow.size
            await eventually(scene.total, size.__le__)
        await keeping.keep()
        await keeping.keep()
    hour, day = late.replace(minute=0), late.replace(minute=0, hour=0)
    assert await scene.sums() == {(late, "connection"): 110, (late + timedelta(minutes=1), "connection"): 5}
    assert sum((await scene.sums("flow_hours", "hour")).values()) == 115
    assert {at for at, _ in await scene.sums("flow_hours", "hour")} <= {hour, hour + timedelta(hours=1)}
    assert await scene.sums("flow_days", "day") == {(day, "connection"): 115}


async def test_what_is_older_than_is_kept_is_refused_and_told(scene: FlowScene) -> None:
    async with scene.counting():
        await scene.send(text([Flow(now() - timedelta(days=9), 1), Flow(now() - timedelta(minutes=1), 2)]))
        await scene.counted(1)
    assert sum((await scene.sums()).values()) == 2


async def test_days_past_their_retention_are_dropped_and_their_hours_stay(scene: FlowScene) -> None:
    today = datetime.now(UTC).date()
    old = today - timedelta(days=8)
    await partitions.make(scene.database, MINUTES, [old, today])
    await _add(scene, datetime(old.year, old.month, old.day, 5, tzinfo=UTC))
    since = datetime(old.year, old.month, old.day, tzinfo=UTC)
    assert await rollup.roll_up(scene.database, HOURS, since) == 1
    before = await scene.sums("flow_hours", "hour")
    await Keeping(scene.database, MINUTES, HOURS).keep()
    assert await scene.sums() == {}
    assert await scene.sums("flow_hours", "hour") == before != {}
    assert await _days(scene) == {today + timedelta(days=days) for days in (-1, 0, 1, 2)}


async def test_partitions_are_made_by_many_at_once(scene: FlowScene) -> None:
    days = [date(2030, 1, day) for day in range(1, 6)]
    await asyncio.gather(*(partitions.make(scene.database, MINUTES, days) for _ in range(3)))
    assert await _days(scene) == set(days)


async def test_only_who_is_where_the_offset_is_may_add(scene: FlowScene) -> None:
    await store.offsets(scene.database, "t", {0: 5, 1: 0})
    assert await store.offsets(scene.database, "t", {0: 0, 1: 0}) == {0: 5, 1: 0}
    await partitions.make(scene.database, MINUTES, [now().date()])
    ours = [Stretch("t", 0, 5, 8), Stretch("t", 1, 0, 1)]
    await _add(scene, now(), ours)
    with pytest.raises(Overtaken):
        await _add(scene, now(), [Stretch("t", 0, 8, 9), Stretch("t", 1, 0, 1)])
    assert await store.offsets(scene.database, "t", {0: 0, 1: 0}) == {0: 8, 1: 1}
    assert sum((await scene.sums()).values()) == 1_000


async def test_dying_on_any_line_of_a_commit_leaves_all_of_it_or_nothing(scene: FlowScene) -> None:
    await partitions.make(scene.database, MINUTES, [now().date()])
    await store.offsets(scene.database, "t", {0: 0})
    lines, deaths = 0, 0
    while deaths == lines:
        reached = (await store.offsets(scene.database, "t", {0: 0}))[0]
        lines += 1
        with _dying_on_line(lines, store.add.__code__, store._copy.__code__):
            try:
                await _add(scene, now(), [Stretch("t", 0, reached, reached + 1)])
            except asyncio.CancelledError:
                deaths += 1
        reached = (await store.offsets(scene.database, "t", {0: 0}))[0]
        assert sum((await scene.sums()).values()) == 1_000 * reached
    assert deaths > 15


async def test_a_topic_that_was_lost_is_counted_from_its_beginning(
    scene: FlowScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of its partitions is looked for, one after the other.
    monkeypatch.setattr(positions, "LOOK", 0.3)
    await store.offsets(scene.database, scene.topic, dict.fromkeys(range(4), 100))
    flows = some(50, 5)
    async with scene.counting():
        await scene.send(text(flows))
        await eventually(scene.sums)
    assert await scene.sums() == expected(flows)


async def test_bad_lines_go_to_the_dead_letters_and_the_good_ones_count(scene: FlowScene) -> None:
    good = some(3, 6)
    async with scene.counting():
        await scene.send(text(good) + b"5 vpc 10.1.0.1 nonsense 1 2 6 1 1 1 1 ACCEPT OK\n", b"\x00garbage")
        await scene.counted(2)
    assert await scene.sums() == expected(good)
    codes = {dict(letter.headers)["onenet_error_code"] for letter in await scene.dead_letters(2)}
    assert codes == {b"address", b"unknown"}


async def test_a_message_that_breaks_the_machinery_goes_alone_to_the_dead_letters(
    scene: FlowScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_at_poison(messages: Sequence[ConsumerRecord], *given: Any, **options: Any) -> Summary:
        if any(b"poison" in message.value for message in messages):
            raise _Panic("the machinery is broken")
        return summarise(messages, *given, **options)

    monkeypatch.setattr(consumer, "summarise", break_at_poison)
    flows = some(400, 7)
    values = [text(flows[first : first + 50]) for first in range(0, 400, 50)]
    values.insert(3, text([Flow(now(), 1, "poison")]))
    async with scene.counting():
        await scene.send(*values, key="one partition")
        await scene.counted(9)
    assert await scene.sums() == expected(flows)
    [letter] = await scene.dead_letters(1)
    assert (letter.value, dict(letter.headers)["onenet_error_code"]) == (values[3], b"_Panic")


async def test_a_change_of_the_inventory_counts_from_its_time_on(scene: FlowScene) -> None:
    moved = network(RIGHT.native_id, "10.3.0.0/16", id=RIGHT.id, public_addresses=("54.1.2.3",))
    at = now() - timedelta(minutes=30)
    gone = wish(2, id=WISH.id, left=LEFT, right=RIGHT)
    told = [
        ResourceChanged(resource_id=RIGHT.id, at=at, resource=moved, changed=("subnets",)),
        ResourceGone(resource_id=LEFT.id, at=at + timedelta(minutes=20), provider_id=LEFT.provider),
    ]
    await scene.know([Message.of(event) for event in told])
    ended = Message.of(ConnectionDeleted(connection_id=WISH.id, generation=2))
    await scene.know([deletion_requested(gone), _at(ended, at + timedelta(minutes=10))])
    flows = {
        "connection": [Flow(at - timedelta(minutes=1), 1), Flow(at, 2, target="10.3.0.1")],
        "unknown": [Flow(at, 4), Flow(at + timedelta(minutes=20), 8)],
        "internet": [Flow(at, 32, target="54.1.2.3")],
        "other": [Flow(at + timedelta(minutes=10), 16, target="10.3.0.1")],
    }
    async with scene.counting():
        await scene.send(text([flow for some in flows.values() for flow in some]))
        await scene.counted(1)
    sums = expected([])
    for kind, some_flows in flows.items():
        sums += expected(some_flows, kind)
    assert await scene.sums() == sums


async def test_what_is_told_again_or_late_changes_nothing(scene: FlowScene) -> None:
    async with scene.database.acquire() as connection:
        before = await inventory_store.version(connection)
    await scene.know(known_since(LONG_AGO + timedelta(days=1))[:2])
    await scene.know(known_since(LONG_AGO - timedelta(days=1)))
    async with scene.database.acquire() as connection:
        assert await inventory_store.version(connection) == before
        assert len(await inventory_store.networks(connection)) == 2
        [link] = await inventory_store.links(connection)
    assert (link.valid_from, link.valid_until, link.ctype) == (LONG_AGO, None, "AWS_PEERING")


async def _add(scene: FlowScene, at: datetime, stretches: list[Stretch] | None = None) -> None:
    """Count a record of a thousand bytes."""
    flow = frame([record("10.1.0.1", "10.2.0.1", start=at)])
    index = Index([], [], at)
    minutes = buckets.minutes([index.name(buckets.alike(index.place(flow)))])
    await store.add(scene.database, stretches or [], minutes, buckets.dependencies(minutes))


class _Panic(BaseException):
    """As polars' own, which is no Exception."""


@contextmanager
def _dying_on_line(number: int, *functions: CodeType) -> Iterator[None]:
    """As good as a death for the database: the connection goes with the transaction open."""
    passed = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal passed
        if frame.f_code not in functions:
            return None
        if event == "line":
            passed += 1
            if passed == number:
                raise asyncio.CancelledError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


async def _days(scene: FlowScene) -> set[date]:
    async with scene.database.acquire() as connection:
        return {MINUTES.day_of(name) for name in await partitions.present(connection, MINUTES)}


async def _end_backends(scene: FlowScene) -> None:
    database: Database = scene.database
    try:
        async with database.acquire() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = $1 AND pid <> pg_backend_pid()",
                f"onenet-{database.schema}",
            )
    except Transient:
        return


def _at(message: Message, at: datetime) -> Message:
    return Message(message.event, message.id, message.source, message.actor, at)
