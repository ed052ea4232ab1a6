"""Dead letters through the API: listed newest first, shown, and replayed with an effect once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from onenet_api.dead_letters import reader
from onenet_common.bus import Consumer, Processor, in_transaction
from onenet_common.dead_letters import LARGEST_VALUE, wrap
from onenet_common.envelope import Message
from onenet_common.errors import Permanent
from onenet_common.events import CONNECTIONS, FLOWS, HEALTH, INVENTORY
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from tests.brokers import running_broker
from tests.integration.api_scene import ADMIN, Scene
from tests.integration.bus_scene import Effects, kafka_settings, messages
from tests.integration.waiting import eventually

LETTERS = "/v1/dead-letters"
REPLAY = "/v1/dead-letter-replays"


@dataclass
class Failed:
    """A record that could not be processed, as its consumer saw it."""

    value: bytes | None
    topic: str = HEALTH
    partition: int = 0
    offset: int = 7
    key: bytes | None = b"key"
    headers: Sequence[tuple[str, bytes | None]] = ()


class Post:
    """An API whose Kafka runs, and one group whose letters no other test has."""

    def __init__(self, scene: Scene, settings: Settings) -> None:
        self.scene = scene
        self.settings = settings
        self.admin = scene.user(ADMIN[0], *ADMIN[1])
        self.group = f"group-{uuid4()}"

    async def fail(self, *failed: Failed, code: str = "wrong_schema") -> None:
        for one in failed:
            letter = wrap(one, code=code, reason="no", group=self.group)
            await self.scene.producer.send([letter])
            # Kafka counts time in milliseconds; letters of the same one have no order.
            await asyncio.sleep(0.002)

    async def listed(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            params = {"group": self.group, **query} | ({"cursor": cursor} if cursor else {})
            answer = await self.admin.get(LETTERS, params=params)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next"]
            if cursor is None:
                return found

    async def of_event(self, event: UUID) -> list[dict[str, Any]]:
        """Its letters: a consumer of this topic fails at what other tests have sent, too."""
        return [one for one in await self.listed() if one["event_id"] == str(event)]

    async def replay(self, *ids: str, **headers: str) -> httpx.Response:
        return await self.admin.post(REPLAY, json={"ids": ids}, headers=headers)

    def consumer(self, process: Processor) -> Consumer:
        return Consumer(
            self.settings, group=self.group, topics=[HEALTH], process=process, producer=self.scene.producer
        )


@pytest.fixture(scope="module")
async def kafka(postgres_url: str) -> AsyncIterator[Settings]:
    """A broker with OneNet's topics, which the tests of the bus do not have."""
    async with running_broker() as broker:
        settings = kafka_settings(broker, postgres_url)
        await Topics(settings).create_missing()
        yield settings


@pytest.fixture(scope="module")
async def reading_api(kafka: Settings, postgres_url: str) -> AsyncIterator[Scene]:
    fields = {name: value for name, value in kafka.model_dump().items() if name.startswith("kafka")}
    scene = Scene(postgres_url, fields)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
async def post(reading_api: Scene, kafka: Settings) -> Post:
    await reading_api.clear()
    return Post(reading_api, kafka)


async def test_letters_of_all_topics_are_listed_newest_first_in_pages(post: Post) -> None:
    topics = [HEALTH, INVENTORY, HEALTH, FLOWS, CONNECTIONS]
    for topic in topics:
        await post.fail(Failed(b"{}", topic))
    first = (await post.admin.get(LETTERS, params={"group": post.group, "limit": 2})).json()
    assert [one["topic"] for one in first["items"]] == topics[:2:-1]
    assert first["next"]
    assert [one["topic"] for one in await post.listed(limit=2)] == topics[::-1]


async def test_no_letter_of_a_batch_is_left_out(post: Post) -> None:
    """The embedded broker's end of a partition does not count them all."""
    batch = [wrap(Failed(b"%d" % n), code="c", reason="", group=post.group) for n in range(5)]
    await post.scene.producer.send(batch)
    letters = await post.listed()
    assert len(letters) == 5
    shown = [(await post.admin.get(f"{LETTERS}/{one['id']}")).json()["value"]["data"] for one in letters]
    assert shown == ["4", "3", "2", "1", "0"]
    outcomes = (await post.replay(*(one["id"] for one in letters))).json()["items"]
    assert {one["outcome"] for one in outcomes} == {"replayed"}
    assert len(await post.listed(limit=1)) == 5


async def test_filters_leave_out_the_others(post: Post) -> None:
    await post.fail(Failed(b"1"), Failed(b"2", INVENTORY))
    await post.fail(Failed(b"3"), code="bad_size")
    newest = (await post.listed())[0]
    assert [one["topic"] for one in await post.listed(topic=INVENTORY)] == [INVENTORY]
    assert [one["code"] for one in await post.listed(code="bad_size")] == ["bad_size"]
    assert await post.listed(group="nobody") == []
    assert newest["id"] in [one["id"] for one in await post.listed(since=newest["time"])]
    assert await post.listed(since="2200-01-01T00:00:00Z") == []
    refused = await post.admin.get(LETTERS, params={"topic": "onenet.heath"})
    assert refused.status_code == 422
    assert HEALTH in refused.json()["detail"]
    refused = await post.admin.get(LETTERS, params={"since": "0.5"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "since")


async def test_a_page_looks_at_so_many_letters_and_no_more(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.fail(*(Failed(b"{}") for _ in range(7)))
    monkeypatch.setattr(reader, "LOOKED", 3)
    monkeypatch.setattr(reader, "WINDOW", 2)
    page = (await post.admin.get(LETTERS, params={"code": "none of them", "topic": HEALTH})).json()
    assert page["items"] == []
    assert page["next"]
    assert len(await post.listed()) == 7


@pytest.mark.parametrize("cursor", ["x", "====", "eJyLjgUAARUAuQ", base64.b64encode(b"[]").decode()])
async def test_a_mangled_cursor_is_refused(post: Post, cursor: str) -> None:
    assert (await post.admin.get(LETTERS, params={"cursor": cursor})).status_code == 422


async def test_a_letter_is_shown_with_its_headers_and_what_is_binary_as_base64(post: Post) -> None:
    headers = [
        ("ce_id", b"an id"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("odd", b"\xff"),
        ("none", None),
    ]
    await post.fail(Failed(b"\x00\xff{", headers=headers), Failed(b"x" * 70_000), Failed(None))
    nothing, large, binary = [
        (await post.admin.get(f"{LETTERS}/{one['id']}")).json() for one in await post.listed()
    ]
    assert nothing["value"] is None
    assert (len(large["value"]["data"]), large["value"]["cut"], large["size"]) == (65_536, True, 70_000)
    assert binary["value"] == {"encoding": "base64", "data": "AP97", "size": 3, "cut": False}
    assert binary["key"]["data"] == "key"
    shown = {one["name"]: one["value"] for one in binary["headers"]}
    assert shown["odd"]["data"] == "/w=="
    assert shown["none"] is None
    assert shown["ce_id"]["data"] == binary["event_id"] == "an id"
    assert binary["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (binary["reason"], binary["source"], binary["attempts"]) == ("no", f"{HEALTH}/0/7", 1)


@pytest.mark.parametrize("place", ["{}:0:999999", "{}:99:0", "nothing:0:0", "{}.dead:0:0"])
async def test_a_letter_that_is_not_there_is_not_found(post: Post, place: str) -> None:
    letter = place.format(HEALTH)
    assert (await post.admin.get(f"{LETTERS}/{letter}")).status_code == 404
    assert (await post.replay(letter)).json() == {"items": [{"id": letter, "outcome": "gone"}]}


async def test_for_others_than_administrators_there_is_nothing(post: Post) -> None:
    await post.fail(Failed(b"{}"))
    letter = (await post.listed())[0]["id"]
    owner = post.scene.user("olga", "team")
    answers = [
        await owner.get(LETTERS),
        await owner.get(f"{LETTERS}/{letter}"),
        await owner.post(REPLAY, json={"ids": [letter]}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (await post.scene.anonymous.get(LETTERS)).status_code == 401
    assert (await post.listed())[0]["replayed_at"] is None


async def test_a_replay_is_handled_once_however_often_it_is_asked_for(post: Post, effects: Effects) -> None:
    """The row of the first stands in the way of a second; the event's id in that of any other copy."""
    mended = False

    async def handle(batch: Sequence[Message], connection: Any) -> None:
        if not mended:
            raise Permanent("not yet", code="not_yet")
        await effects.write(batch, connection)

    consumer = post.consumer(in_transaction(effects, post.group, handle))
    await consumer.start()
    try:
        message = messages("UP")[0]
        await post.scene.producer.send([Outgoing.of(message)])
        [letter] = await eventually(lambda: post.of_event(message.id))
        assert letter["code"] == "not_yet"
        mended = True
        for _ in range(2):
            assert (await post.replay(letter["id"])).status_code == 200
        await effects.settled("UP")
        copy = Outgoing.of(message)
        other = messages("DOWN")[0]
        await post.scene.producer.send([copy, Outgoing.of(other)])
        await effects.settled("UP", "DOWN")
    finally:
        await consumer.stop()
    [shown] = await post.of_event(message.id)
    assert shown["replayed_by"] == "root"
    assert shown["replayed_at"]


def _have_come(least: int, found: Sequence[Any]) -> bool:
    return len(found) >= least


async def test_what_fails_again_is_a_new_letter_that_counts_its_attempts(
    post: Post, effects: Effects
) -> None:
    async def refuse(_batch: Sequence[Message], _connection: Any) -> None:
        raise Permanent("never", code="never")

    consumer = post.consumer(in_transaction(effects, post.group, refuse))
    await consumer.start()
    try:
        message = messages("UP")[0]
        await post.scene.producer.send([Outgoing.of(message)])
        for attempts in (1, 2, 3):
            expected = list(range(attempts, 0, -1))
            letters = await eventually(lambda: post.of_event(message.id), partial(_have_come, len(expected)))
            assert [one["attempts"] for one in letters] == expected
            await post.replay(letters[0]["id"])
    finally:
        await consumer.stop()


async def test_a_replay_puts_back_what_came_and_says_so(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = [("ce_id", b"1"), ("odd", b"\xff")]
    await post.fail(Failed(b"\x00\xff", FLOWS, headers=headers, key=None))
    [letter] = await post.listed()
    sent: list[Outgoing] = []
    send = post.scene.producer.send

    async def keep(records: Sequence[Outgoing]) -> None:
        sent.extend(records)
        await send(records)

    monkeypatch.setattr(post.scene.producer, "send", keep)
    answers = [await post.replay(letter["id"], letter["id"]), await post.replay(letter["id"])]
    assert [one["outcome"] for answer in answers for one in answer.json()["items"]] == [
        "replayed",
        "already_replayed",
    ]
    [record] = sent
    assert (record.topic, record.key, record.value) == (FLOWS, None, b"\x00\xff")
    marks = [("onenet_replayed", letter["id"].encode()), ("onenet_attempts", b"1")]
    assert list(record.headers) == [*headers, *marks]
    entries = (await post.admin.get("/v1/audit", params={"action": "dead_letter.replay"})).json()["items"]
    assert [(one["actor"], one["detail"]["letter"]) for one in entries] == [("root", letter["id"])]


async def test_an_idempotency_key_gets_the_first_answer_again(post: Post) -> None:
    await post.fail(Failed(b"{}"))
    [letter] = await post.listed()
    first, again = [await post.replay(letter["id"], **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_what_was_not_kept_whole_is_not_replayed(post: Post) -> None:
    await post.fail(Failed(b"x" * (LARGEST_VALUE + 1)))
    [letter] = await post.listed()
    assert letter["cut"]
    assert (await post.replay(letter["id"])).json()["items"][0]["outcome"] == "cut"


async def test_what_kafka_did_not_take_can_be_replayed_later(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.fail(Failed(b"{}"))
    [letter] = await post.listed()
    away = Producer(post.settings.model_copy(update={"kafka": "127.0.0.1:1"}))
    with monkeypatch.context() as patched:
        patched.setattr(post.scene.producer, "send", away.send)
        assert (await post.replay(letter["id"])).status_code == 503
    assert (await post.listed())[0]["replayed_at"] is None
    assert (await post.replay(letter["id"])).json()["items"][0]["outcome"] == "replayed"
