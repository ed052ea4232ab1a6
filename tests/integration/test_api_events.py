"""The stream of events: owners hear what happens to what is theirs, and miss nothing when it breaks off."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from onenet_api.events import stream as streams
from onenet_common import outbox
from onenet_common.connection import CType, Side
from onenet_common.envelope import Message
from onenet_common.events import ConnectionDeleted, ConnectionEstablished, ConnectionFailed, Event
from onenet_common.relay import Relay
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from tests.brokers import running_broker
from tests.integration import finding_events
from tests.integration.api_scene import Owner, Scene
from tests.integration.bus_scene import kafka_settings
from tests.integration.streams import PATH, Following, following
from tests.integration.test_api_connections import ask, pending
from tests.integration.waiting import DEADLINE, eventually

NETWORKS = {"vpc-1": ["10.1.0.0/16"], "vpc-3": ["10.3.0.0/16"]}


@pytest.fixture(scope="module")
async def kafka(postgres_url: str) -> AsyncIterator[Settings]:
    async with running_broker() as broker:
        settings = kafka_settings(broker, postgres_url)
        await Topics(settings).create_missing()
        yield settings


@pytest.fixture(scope="module")
async def telling(kafka: Settings, postgres_url: str) -> AsyncIterator[Scene]:
    """An API whose outbox gets onto Kafka, in a hurry with its heartbeats."""
    fields = {name: value for name, value in kafka.model_dump().items() if name.startswith("kafka")}
    hurry = {
        "api_streams_heartbeat": 0.2,
        "api_streams_per_user": 2,
        "api_streams": 4,
        "api_streams_backlog": 50,
    }
    scene = Scene(postgres_url, fields | hurry, schema="api_telling")
    await scene.start()
    relay = Relay(scene.database, scene.producer, poll=0.05)
    await relay.start()
    yield scene
    await relay.stop()
    await scene.stop()


@pytest.fixture(scope="module")
async def url(telling: Scene) -> AsyncIterator[str]:
    async with telling.served() as url:
        yield url


@pytest.fixture
async def lena(telling: Scene) -> Owner:
    return await telling.owner(f"lena-{uuid4()}", NETWORKS)


@pytest.fixture
async def ravi(telling: Scene) -> Owner:
    return await telling.owner(f"ravi-{uuid4()}", {"vpc-2": ["10.2.0.0/16"]})


@pytest.fixture(autouse=True)
async def _none_left(telling: Scene) -> AsyncIterator[None]:
    yield

    async def count() -> int:
        return telling.streams.count

    assert await eventually(count, lambda count: count == 0) == 0


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    """The last words of their types."""
    return [event["type"].split(".")[2] for event in events]


async def say(scene: Scene, *events: Event) -> None:
    """What other services publish, after all that the API has published before."""
    async with scene.database.transaction() as connection:
        await outbox.publish(connection, [Message.of(event) for event in events])


async def relayed(scene: Scene) -> None:
    """Wait until all that was said so far is on the topic."""

    async def waiting() -> int:
        async with scene.database.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM outbox"))

    await eventually(waiting, lambda rows: rows == 0)


def established(connection: dict[str, Any]) -> ConnectionEstablished:
    return ConnectionEstablished(
        connection_id=UUID(connection["id"]),
        generation=1,
        ctype=CType.AWS_PEERING,
        details={"peering_id": "p"},
    )


async def test_both_owners_hear_of_their_connection_and_nobody_else_does(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    token = telling.issuer.token
    async with (
        following(url, token(lena.name)) as left,
        following(url, token(ravi.name)) as right,
        following(url, token("nobody")) as other,
    ):
        asked = await pending(lena, ravi)
        await ask(ravi, ravi.resources[0], lena.resources[0])
        await say(telling, established(asked))
        expected = ["approval_requested", "approved", "requested", "established"]
        assert await left.until(4) == expected
        assert await right.until(4) == expected
    assert left.events[-1]["connection"]["id"] == asked["id"]
    assert [event["state"] for event in left.events] == ["PENDING_APPROVAL", None, "REQUESTED", "ESTABLISHED"]
    assert other.events == []


async def test_a_stream_resumes_after_any_of_its_events(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    token = telling.issuer.token(lena.name)
    async with following(url, token) as first:
        begin = first.last_id
        asked = await pending(lena, ravi)
        await first.until(1)
    await ask(ravi, ravi.resources[0], lena.resources[0])
    await say(telling, established(asked))
    async with following(url, token, first.ids[0]) as resumed:
        assert await resumed.until(3) == ["approved", "requested", "established"]
        await say(telling, ConnectionDeleted(connection_id=UUID(asked["id"]), generation=1))
        assert (await resumed.until(4))[-1] == "deleted"
    async with following(url, token, begin) as again:
        await again.until(5)
    assert [one["id"] for one in again.events] == [one["id"] for one in first.events + resumed.events]
    for number, position in enumerate(again.ids):
        async with following(url, token, position, follow=False) as rest:
            assert await rest.ended() == "caught_up"
        assert rest.events == again.events[number + 1 :]


async def test_a_quiet_stream_moves_on_past_what_it_does_not_tell(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    token = telling.issuer.token(lena.name)
    async with following(url, token, type="connection.deleted") as quiet:
        begin = quiet.last_id
        await pending(lena, ravi)

        async def position() -> str:
            return quiet.last_id

        await eventually(position, lambda now: now != begin)
        assert quiet.comments
    assert quiet.events == []


async def test_since_tells_what_was_published_then_and_later(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    token = telling.issuer.token(lena.name)
    async with following(url, token) as live:
        await pending(lena, ravi)
        await live.until(1)
    # Kafka counts time in milliseconds.
    await asyncio.sleep(0.01)
    between = datetime.now(UTC)
    async with following(url, token) as live:
        await ask(lena, *lena.resources)
        await live.until(1)
    async with following(url, token, since=between.isoformat(), follow=False) as later:
        assert await later.ended() == "caught_up"
    assert later.events == live.events
    before = (between - timedelta(hours=1)).isoformat()
    async with following(url, token, since=before, follow=False) as all_of_it:
        await all_of_it.ended()
    assert kinds(all_of_it.events) == ["approval_requested", "requested"]


async def test_an_owner_hears_of_his_providers_and_the_other_side_does_not(
    telling: Scene, url: str, ravi: Owner
) -> None:
    async with (
        following(url, telling.issuer.token(ravi.name)) as his,
        following(url, telling.issuer.token("nobody")) as others,
        following(url, telling.issuer.token("root", ("onenet-admins",)), service=ravi.service) as admins,
    ):
        assert (await ravi.http.post(f"/v1/providers/{ravi.provider}/discover")).status_code == 202
        assert (await ravi.http.delete(f"/v1/providers/{ravi.provider}")).status_code == 204
        for stream in (his, admins):
            await eventually(stream.look, lambda seen: "removed" in kinds(seen.inventory))
    assert {event["service"] for event in his.inventory} == {ravi.service}
    assert "discovery_requested" not in kinds(his.inventory)
    assert others.inventory == []


async def test_the_owners_of_its_networks_hear_of_a_finding_and_nobody_else_does(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    token = telling.issuer.token
    shared = finding_events.opened(uuid4(), lena.resources[0], ravi.resources[0])
    alone = finding_events.opened(uuid4(), lena.resources[0])
    wanted: dict[str, Any] = {"type": ["finding.opened", "finding.closed"]}
    async with (
        following(url, token(lena.name), **wanted) as left,
        following(url, token(ravi.name), **wanted) as right,
        following(url, token("nobody"), **wanted) as other,
    ):
        begin = right.last_id
        await say(telling, alone, shared, finding_events.closed(shared))
        await eventually(left.look, lambda seen: len(seen.inventory) >= 3)
        await eventually(right.look, lambda seen: len(seen.inventory) >= 2)
    assert sorted(kinds(left.inventory)) == ["closed", "opened", "opened"]
    assert kinds(right.inventory) == ["opened", "closed"]
    told = right.inventory[0]
    assert (told["subject"], told["summary"]) == (str(shared.finding_id), finding_events.SUMMARY)
    assert set(told["services"]) == {lena.service, ravi.service}
    assert other.inventory == []
    async with following(url, token(ravi.name), begin, follow=False, **wanted) as again:
        assert await again.ended() == "caught_up"
    assert again.inventory == right.inventory


async def test_whoever_is_no_owner_any_more_hears_no_more(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    asked = await pending(lena, ravi)
    await relayed(telling)
    async with (
        following(url, telling.issuer.token(lena.name), connection=asked["id"]) as former,
        following(url, telling.issuer.token(ravi.name), connection=asked["id"]) as other,
    ):
        await lena.http.patch(f"/v1/services/{lena.service}", json={"owners": ["somebody"]})
        await say(telling, established(asked))
        await other.until(1)
        await asyncio.sleep(0.1)
    assert former.events == []


async def test_a_stream_ends_with_its_token(telling: Scene, url: str, lena: Owner) -> None:
    async with following(url, telling.issuer.token(lena.name)) as stream:
        telling.ahead = 3600
        try:
            assert await stream.ended() == "token_refused"
        finally:
            telling.ahead = 0
    assert "expired" in stream.notices[-1][1]["reason"]


async def test_who_has_too_many_streams_is_told_so(telling: Scene, url: str) -> None:
    async def told(name: str) -> tuple[int, str]:
        answer = await telling.user(name).get(PATH)
        return answer.status_code, answer.json()["type"].rpartition(":")[2]

    token = telling.issuer.token
    async with following(url, token("one")), following(url, token("one")):
        assert await told("one") == (429, "too-many-streams")
        async with following(url, token("two")), following(url, token("two")):
            assert await told("three") == (503, "too-many-streams")
    async with following(url, token("one")):
        pass


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ({"type": "connection.exploded"}, {}, "type"),
        ({"since": "yesterday"}, {}, "since"),
        ({"state": "GONE"}, {}, "state"),
        ({}, {"Last-Event-ID": "AQID"}, "Last-Event-ID"),
    ],
)
async def test_what_is_asked_wrongly_is_named(
    telling: Scene, query: dict[str, str], headers: dict[str, str], field: str
) -> None:
    answer = await telling.user("lena").get(PATH, params=query, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_nobody_follows_without_a_token(telling: Scene) -> None:
    assert (await telling.anonymous.get(PATH)).status_code == 401


async def test_who_does_not_read_is_cut_off_and_misses_nothing(
    telling: Scene, url: str, lena: Owner, ravi: Owner
) -> None:
    asked = await pending(lena, ravi)
    await ask(ravi, ravi.resources[0], lena.resources[0])
    token = telling.issuer.token(lena.name)
    host, port = url.removeprefix("http://").split(":")
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.to_thread(sleeper.connect, (host, int(port)))
    sleeper.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    async def opened() -> int:
        return telling.streams.count

    await eventually(opened)
    reason = "no " * 10_000
    long = ConnectionFailed(
        connection_id=UUID(asked["id"]),
        generation=1,
        ctype=None,
        code="x",
        reason=reason,
        told=dict.fromkeys(Side, reason),
    )
    async with following(url, token) as reader:
        for _ in range(15):
            await say(telling, *[long] * 10)
            await asyncio.sleep(0.05)
        # Only then does it read again: who reads in time is not cut off.
        await eventually(reader.look, lambda seen: kinds(seen.events).count("failed") == 150)
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        waiting = await _read_to_the_end(sleeper)
        assert b"event: end" in waiting
        assert b"too_slow" in waiting
        *_, last = [part.split(b"\n")[0].decode() for part in waiting.split(b"\nid: ")[1:]]
    async with following(url, token, last, follow=False) as resumed:
        await resumed.ended()
    # What the connection itself has been through may come late, before all of it.
    told = waiting.count(b'"type":"onenet.connection.failed.v1"')
    assert 0 < told < 150
    assert told + kinds(resumed.events).count("failed") == 150


async def _read_to_the_end(sleeper: socket.socket) -> bytes:
    def read() -> bytes:
        received = b""
        sleeper.settimeout(15)
        deadline = time.monotonic() + DEADLINE  # heartbeats go on for ever
        while b"event: end" not in received[-2000:] and time.monotonic() < deadline:
            got = sleeper.recv(1 << 16)
            if not got:
                break
            received += got
        sleeper.close()
        return received

    return await asyncio.to_thread(read)


async def test_a_process_that_ends_sends_its_readers_elsewhere(
    kafka: Settings, postgres_url: str, telling: Scene
) -> None:
    fields = {name: value for name, value in kafka.model_dump().items() if name.startswith("kafka")}
    ending = Scene(postgres_url, fields, schema="api_telling")
    await ending.start()
    stream: Following
    async with ending.served() as url, following(url, ending.issuer.token("lena")) as stream:
        await ending.streams.stop()
        assert await stream.ended() == "draining"
    await ending.stop()
    assert streams.ENDS["draining"] == stream.notices[-1][1]["reason"]
