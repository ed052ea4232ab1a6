"""Webhooks: owners are told, in order, at least once, by whoever of us is alive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from onenet_api.events.telling import telling
from onenet_api.findings import store as findings
from onenet_api.findings.views import FindingState
from onenet_api.tokens import User
from onenet_api.webhooks import schedule, worker
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender
from onenet_api.webhooks.worker import Deliveries
from onenet_common.connection import CType, Side
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDelayed,
    ConnectionEstablished,
    ConnectionPlanned,
    Event,
    WebhookDisabled,
)
from tests.integration import finding_events
from tests.integration.api_scene import Owner, Scene
from tests.integration.receiver import Receiver, receiving
from tests.integration.test_api_connections import ask, pending
from tests.integration.waiting import eventually

KEYS = Fernet.generate_key().decode()
SCHEMA = "api_webhooks"


@pytest.fixture(scope="module")
async def api(postgres_url: str) -> AsyncIterator[Scene]:
    settings = {"api_secrets_keys": SecretStr(KEYS), "api_webhooks_loopback": True}
    scene = Scene(postgres_url, settings, schema=SCHEMA)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
async def lena(api: Scene) -> Owner:
    await api.clear()
    return await api.owner("lena", {"vpc-1": ["10.1.0.0/16"], "vpc-3": ["10.3.0.0/16"]})


@pytest.fixture
async def ravi(api: Scene, lena: Owner) -> Owner:
    return await api.owner("ravi", {"vpc-2": ["10.2.0.0/16"]})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(worker, "POLL", 0.05)


@asynccontextmanager
async def delivering(
    api: Scene, *, patience: float = 60.0, sender: Sender | None = None
) -> AsyncIterator[None]:
    sender = sender or Sender(timeout=5, loopback=True)
    deliveries = Deliveries(api.database, sender, Seals(SecretStr(KEYS)), patience=patience)
    await deliveries.start()
    yield
    await deliveries.stop()


def hooks(owner: Owner) -> str:
    return f"/v1/services/{owner.service}/webhooks"


async def hook(owner: Owner, receiver: Receiver, **other: Any) -> dict[str, Any]:
    answer = await owner.http.post(hooks(owner), json={"url": receiver.url, **other})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(owner: Owner, webhook: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await owner.http.get(f"{hooks(owner)}/{webhook['id']}")).json()
    return found


async def happen(api: Scene, *events: Event) -> list[Message]:
    """What the consumer takes from the topic, as one batch."""
    messages = [Message.of(event) for event in events]
    await telling(api.database)(messages)
    return messages


def delayed(connection: dict[str, Any], number: int) -> ConnectionDelayed:
    return ConnectionDelayed(
        connection_id=UUID(connection["id"]),
        generation=1,
        code="busy",
        reason=f"reason {number}",
        told=dict.fromkeys(Side, f"reason {number}"),
    )


async def agreed(lena: Owner, ravi: Owner) -> dict[str, Any]:
    asked = await pending(lena, ravi)
    await ask(ravi, ravi.resources[0], lena.resources[0])
    return asked


def told(*numbers: int) -> list[str]:
    return [f"takes longer, and is tried again: reason {number}" for number in numbers]


async def test_an_event_is_delivered_signed_to_every_side_that_wants_it(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connection = await agreed(lena, ravi)
    left, right = await hook(lena, receiver), await hook(ravi, receiver)
    await hook(ravi, receiver, types=["connection.deleted"])
    [message] = await happen(api, delayed(connection, 1))
    async with delivering(api):
        await receiver.until(2)
        await eventually(lambda: read(lena, left), lambda seen: seen["waiting"] == 0)
        await eventually(lambda: read(ravi, right), lambda seen: seen["waiting"] == 0)
    assert len(receiver.got) == 2
    verified = {
        secret: Webhook(secret).verify(got.body, got.headers)
        for got in receiver.got
        for secret in (left["secret"], right["secret"])
        if _verifies(secret, got)
    }
    assert set(verified) == {left["secret"], right["secret"]}
    assert {got.headers["webhook-id"] for got in receiver.got} == {str(message.id)}
    assert receiver.got[0].event["connection"]["id"] == connection["id"]


async def test_a_finding_is_delivered_to_the_owners_of_its_networks_unless_they_marked_it(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    zoe = await api.owner("zoe", {"vpc-9": ["10.9.0.0/16"]})
    await hook(ravi, receiver, types=["finding.opened"])
    await hook(zoe, receiver)
    ends = (lena.resources[0], ravi.resources[0])
    muted, known, news = uuid4(), uuid4(), uuid4()
    before = finding_events.opened(known, *ends)
    await mark(api, muted, FindingState.MUTED)
    await mark(api, known, FindingState.ACKNOWLEDGED)
    await happen(api, finding_events.opened(muted, *ends), before)
    anew = finding_events.opened(known, *ends)
    await happen(api, finding_events.closed(before), anew, finding_events.opened(news, *ends))
    async with delivering(api):
        await receiver.until(2)
        await eventually(lambda: _waiting(api), lambda count: count == 0)
    assert {got.event["subject"] for got in receiver.got} == {str(known), str(news)}
    assert [got.event["data"]["evidence"] for got in receiver.got] == [{"bytes": 777}] * 2
    assert {got.event["type"] for got in receiver.got} == {"onenet.finding.opened.v1"}


async def mark(api: Scene, finding: UUID, state: FindingState) -> None:
    async with api.database.transaction() as connection:
        await findings.mark(connection, User("ravi"), finding, state, "", None)


async def _waiting(api: Scene) -> int:
    async with api.database.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM deliveries"))


def _verifies(secret: str, got: Any) -> bool:
    try:
        Webhook(secret).verify(got.body, got.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_a_webhook_is_never_told_what_its_side_may_not_see(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connection = await pending(lena, ravi)
    await hook(lena, receiver)
    await happen(
        api,
        ConnectionPlanned(
            connection_id=UUID(connection["id"]),
            generation=1,
            ctype=CType.AWS_PEERING,
            steps=({"action": "create_route", "side": "right", "target": "rtb-1 10.2.0.0/16"},),
        ),
    )
    async with delivering(api):
        await receiver.until(1)
    assert b"10.2.0.0" not in receiver.got[0].body


async def test_an_event_that_comes_twice_is_delivered_once(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connection = await agreed(lena, ravi)
    webhook = await hook(lena, receiver)
    messages = await happen(api, delayed(connection, 1))
    await telling(api.database)(messages)
    assert (await read(lena, webhook))["waiting"] == 1


async def test_a_failing_delivery_holds_back_its_own_connection_alone(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    first = await agreed(lena, ravi)
    second = (await ask(lena, *lena.resources)).json()
    webhook = await hook(lena, receiver)
    fails = 3

    def answer(event: dict[str, Any]) -> int:
        nonlocal fails
        if event["summary"] == told(1)[0] and fails:
            fails -= 1
            return 500
        return 200

    receiver.answer = answer
    await happen(api, delayed(first, 1), delayed(first, 2), delayed(second, 11), delayed(second, 12))
    async with delivering(api):
        await receiver.until(7)
        await eventually(lambda: read(lena, webhook), lambda seen: seen["waiting"] == 0)
    assert receiver.summaries(first["id"]) == told(1, 1, 1, 1, 2)
    assert receiver.summaries(second["id"]) == told(11, 12)
    assert receiver.summaries().index(told(12)[0]) < receiver.summaries().index(told(2)[0])
    log = (await lena.http.get(f"{hooks(lena)}/{webhook['id']}/attempts")).json()["items"]
    failed = [(one["number"], one["status"], one["error"]) for one in log if one["outcome"] == "failed"]
    assert failed == [(number, 500, "answered 500") for number in (3, 2, 1)]


@pytest.mark.parametrize(("status", "patience"), [(410, 60.0), (500, 0.0), (302, 0.0)])
async def test_a_receiver_that_is_gone_or_fails_for_too_long_is_given_up_and_its_owner_told(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver, status: int, patience: float
) -> None:
    connection = await agreed(lena, ravi)
    webhook = await hook(lena, receiver)
    receiver.answer = lambda _: status
    await api.published()
    await happen(api, delayed(connection, 1), delayed(connection, 2))
    async with delivering(api, patience=patience):
        disabled = await eventually(lambda: read(lena, webhook), lambda seen: not seen["enabled"])
    assert f"answered {status}" in disabled["disabled_reason"]
    assert disabled["waiting"] == 0
    assert receiver.summaries() == told(1)
    [message] = await api.published()
    assert isinstance(message.event, WebhookDisabled)
    assert (str(message.event.webhook_id), str(message.event.service)) == (webhook["id"], lena.service)
    again = await lena.http.patch(f"{hooks(lena)}/{webhook['id']}", json={"enabled": True})
    assert (again.json()["enabled"], again.json()["disabled_reason"]) == (True, None)


async def test_what_was_missed_is_replayed_from_a_time_in_order_before_what_comes(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connection = await agreed(lena, ravi)
    webhook = await hook(lena, receiver)
    early, *missed = [Message.of(delayed(connection, number)) for number in range(4)]
    await api.replay([early, *missed])
    await telling(api.database)([early, *missed])
    path = f"{hooks(lena)}/{webhook['id']}/replay"
    answer = await lena.http.post(path, json={"from": missed[0].time.isoformat()})
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 3})
    await happen(api, delayed(connection, 4))
    async with delivering(api):
        assert await receiver.until(5) == told(0, 1, 2, 3, 4)
        await lena.http.post(path, json={"from": missed[1].time.isoformat()})
        assert await receiver.until(7) == told(0, 1, 2, 3, 4, 2, 3)
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert ids[5:] == ids[2:4]


async def test_a_rotated_secret_and_the_old_one_both_verify_for_a_time(
    api: Scene, lena: Owner, receiver: Receiver
) -> None:
    webhook = await hook(lena, receiver)
    path = f"{hooks(lena)}/{webhook['id']}"
    rotated = (await lena.http.post(f"{path}/rotate", json={"grace_hours": 1})).json()
    assert rotated["previous_until"] is not None
    await lena.http.post(f"{path}/test")
    assert _verifies(webhook["secret"], receiver.got[-1])
    assert _verifies(rotated["secret"], receiver.got[-1])
    last = (await lena.http.post(f"{path}/rotate", json={"grace_hours": 0})).json()
    await lena.http.post(f"{path}/test")
    assert [_verifies(one["secret"], receiver.got[-1]) for one in (rotated, last)] == [False, True]


async def test_a_test_says_what_came_of_it(api: Scene, lena: Owner, receiver: Receiver) -> None:
    webhook = await hook(lena, receiver)
    path = f"{hooks(lena)}/{webhook['id']}"
    receiver.answer = lambda _: 503
    tried = (await lena.http.post(f"{path}/test")).json()
    assert (tried["outcome"], tried["status"], tried["error"]) == ("failed", 503, "answered 503")
    assert receiver.got[0].event["type"] == "onenet.webhook.test.v1"
    assert len((await lena.http.get(f"{path}/attempts")).json()["items"]) == 1


async def test_a_test_whose_answer_was_lost_is_delivered_once(
    api: Scene, lena: Owner, receiver: Receiver
) -> None:
    webhook = await hook(lena, receiver)
    path = f"{hooks(lena)}/{webhook['id']}"
    headers = {"Idempotency-Key": "a-test"}
    first, again = [await lena.http.post(f"{path}/test", headers=headers) for _ in range(2)]
    assert (first.json()["outcome"], again.json()) == ("delivered", first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(receiver.got) == 1
    assert len((await lena.http.get(f"{path}/attempts")).json()["items"]) == 1


async def test_a_test_that_is_asked_for_twice_at_once_is_one_message_to_the_receiver(
    api: Scene, lena: Owner, receiver: Receiver
) -> None:
    receiver.pause = 0.5  # neither is answered before both are asked for
    path = f"{hooks(lena)}/{(await hook(lena, receiver))['id']}/test"
    headers = {"Idempotency-Key": "a-test"}
    one, other = await asyncio.gather(*(lena.http.post(path, headers=headers) for _ in range(2)))
    assert one.json() == other.json()
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    await lena.http.post(path, headers={"Idempotency-Key": "another"})
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 2


async def test_a_secret_is_shown_once_and_stored_nowhere(api: Scene, lena: Owner, receiver: Receiver) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"url": receiver.url}
    made = await lena.http.post(hooks(lena), json=body, headers=headers)
    again = await lena.http.post(hooks(lena), json=body, headers=headers)
    assert made.json()["secret"].startswith("whsec_")
    assert (again.json()["id"], again.json()["secret"]) == (made.json()["id"], None)
    assert (await read(lena, made.json()))["secret"] is None
    async with api.database.acquire() as connection:
        for table in ("webhooks", "answers", "audit", "outbox"):
            rows = await connection.fetch(f"SELECT t::text FROM {table} t")
            assert not [row for row in rows if made.json()["secret"].removeprefix("whsec_")[:20] in row[0]]


async def test_another_owners_webhooks_do_not_exist(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    webhook = await hook(lena, receiver)
    one = f"{hooks(lena)}/{webhook['id']}"
    asked = [
        await ravi.http.get(hooks(lena)),
        await ravi.http.post(hooks(lena), json={"url": receiver.url}),
        await ravi.http.get(one),
        await ravi.http.patch(one, json={"enabled": False}),
        await ravi.http.delete(one),
        await ravi.http.get(f"{one}/attempts"),
        *[await ravi.http.post(f"{one}/{verb}", json=body) for verb, body in (
            ("rotate", {}), ("test", None), ("replay", {"from": "2026-01-01T00:00:00Z"}))],
        # Under his own service neither.
        await ravi.http.get(f"{hooks(ravi)}/{webhook['id']}"),
    ]  # fmt: skip
    assert [answer.status_code for answer in asked] == [404] * len(asked)
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://a:b@example.com/"],
)
async def test_a_url_that_leads_inside_is_refused_by_name(api: Scene, lena: Owner, url: str) -> None:
    answer = await lena.http.post(hooks(lena), json={"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")


async def test_killed_in_the_middle_every_event_arrives_and_in_the_order_of_its_connection(
    api: Scene, postgres_url: str, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connections = [await agreed(lena, ravi), (await ask(lena, *lena.resources)).json()]
    webhook = await hook(lena, receiver)
    receiver.pause = 0.03
    for number in range(15):
        await happen(api, *(delayed(one, number) for one in connections))

    async def process() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.deliverer", postgres_url, SCHEMA, KEYS
        )

    for after in (6, 14):
        victim = await process()
        await receiver.until(after)
        victim.kill()
        await victim.wait()
        async with api.database.acquire() as connection:
            # The lease of who died, without the wait for its end.
            await connection.execute("UPDATE deliveries SET leased_until = now() WHERE leased_until > now()")
    async with delivering(api):
        await eventually(lambda: read(lena, webhook), lambda seen: seen["waiting"] == 0)
    for one in connections:
        seen = receiver.summaries(one["id"])
        repeated = [place for place in range(1, len(seen)) if seen[place] == seen[place - 1]]
        once = [summary for place, summary in enumerate(seen) if place not in repeated]
        assert once == told(*range(15)), "what comes again comes at once, before what follows"


async def test_two_who_deliver_share_the_work_and_keep_the_order(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connections = [await agreed(lena, ravi), (await ask(lena, *lena.resources)).json()]
    webhook = await hook(lena, receiver)
    for number in range(20):
        await happen(api, *(delayed(one, number) for one in connections))
    async with delivering(api), delivering(api):
        await eventually(lambda: read(lena, webhook), lambda seen: seen["waiting"] == 0)
    for one in connections:
        assert receiver.summaries(one["id"]) == told(*range(20))


async def test_established_connections_tell_their_details(
    api: Scene, lena: Owner, ravi: Owner, receiver: Receiver
) -> None:
    connection = await agreed(lena, ravi)
    await hook(lena, receiver, types=["connection.established"])
    await happen(
        api,
        delayed(connection, 1),
        ConnectionEstablished(
            connection_id=UUID(connection["id"]),
            generation=1,
            ctype=CType.AWS_PEERING,
            details={"peering_id": "p"},
        ),
    )
    async with delivering(api):
        await receiver.until(1)
    [got] = receiver.got
    assert (got.event["state"], got.event["data"]["details"]) == ("ESTABLISHED", {"peering_id": "p"})
