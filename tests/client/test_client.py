"""The client against real HTTP: pages, retries, errors, waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from fastapi import Response
from fastapi.responses import JSONResponse

from onenet_client import errors
from onenet_client.client import Client
from onenet_client.retry import Retry
from onenet_client.tokens import Grant, RenewedToken
from tests.client.fake_api import FakeApi, Thing

QUICK = Retry(attempts=4, first=0.001, longest=0.001)


def client(api: FakeApi) -> Client:
    return Client(api.url, "alice", retry=QUICK)


def busy(status: int = 503) -> Response:
    return Response(status_code=status, headers={"Retry-After": "0"})


async def test_a_list_is_read_over_all_its_pages(api: FakeApi) -> None:
    for number in range(450):
        api.add_service(f"service-{number}", "alice")
    async with client(api) as onenet:
        names = [service.name async for service in onenet.services.find()]
    assert names == [f"service-{number}" for number in range(450)]
    assert len(api.sent("GET")) == 3


async def test_one_page_says_where_the_next_begins(api: FakeApi) -> None:
    for number in range(3):
        api.add_service(f"service-{number}", "alice")
    async with client(api) as onenet:
        first = await onenet.services.find().page(limit=2)
        second = await onenet.services.find().page(first.next, limit=2)
    assert [len(first.items), len(second.items), second.next] == [2, 1, None]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_server_is_asked_again(api: FakeApi, status: int) -> None:
    api.faults = [busy(status), busy(status)]
    async with client(api) as onenet:
        assert (await onenet.me()).user == "alice"
    assert len(api.requests) == 3


async def test_a_repeated_creation_keeps_its_idempotency_key(api: FakeApi) -> None:
    api.faults = [busy(), busy()]
    async with client(api) as onenet:
        await onenet.services.create("orders")
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1
    assert len(api.tables["services"]) == 1


async def test_a_creation_under_the_callers_key_happens_once(api: FakeApi) -> None:
    async with client(api) as onenet:
        first = await onenet.services.create("orders", key="mine")
        again = await onenet.services.create("orders", key="mine")
    assert first.id == again.id


async def test_repeated_changes_and_deletions_keep_their_idempotency_keys(api: FakeApi) -> None:
    service = UUID(api.add_service("orders", "alice")["id"])
    api.faults = [busy()]
    async with client(api) as onenet:
        await onenet.services.update(service, {"description": "new"})
        api.faults = [busy()]
        await onenet.services.delete(service)
    changes = [request for request in api.requests if request.method in ("PATCH", "DELETE")]
    assert [request.method for request in changes] == ["PATCH"] * 2 + ["DELETE"] * 2
    assert [
        len({request.headers["Idempotency-Key"] for request in pair}) for pair in (changes[:2], changes[2:])
    ] == [1, 1]


async def test_retries_are_bounded(api: FakeApi) -> None:
    api.faults = [busy() for _ in range(10)]
    async with client(api) as onenet:
        with pytest.raises(errors.Unavailable):
            await onenet.me()
    assert len(api.requests) == QUICK.attempts


async def test_a_lost_connection_is_made_again() -> None:
    async with _dropping(connections=2) as (url, seen), Client(url, "alice", retry=QUICK) as onenet:
        assert (await onenet.me()).user == "alice"
    assert len(seen) == 3


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with _dropping(connections=0) as (url, _):
        pass
    async with Client(url, "alice", retry=QUICK) as onenet:
        with pytest.raises(errors.Unreachable, match=url):
            await onenet.me()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.Unauthorised),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (412, errors.Changed),
        (415, errors.Invalid),
        (422, errors.Invalid),
        (418, errors.Problem),
        (500, errors.Faulty),
    ],
)
async def test_every_error_has_its_exception(api: FakeApi, status: int, kind: type[errors.Problem]) -> None:
    wrong = {"field": "name", "value": '""', "message": "too short"}
    body = {"title": "No", "detail": "because", "trace_id": "abc", "errors": [wrong], "odd": 1}
    api.faults = [JSONResponse(body, status, media_type="application/problem+json")]
    async with client(api) as onenet:
        with pytest.raises(errors.Problem, match="because") as caught:
            await onenet.me()
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.errors[0].message == "too short"
    assert caught.value.details.trace_id == "abc"
    assert caught.value.details.model_extra == {"odd": 1}


async def test_a_proxys_error_page_is_still_a_problem(api: FakeApi) -> None:
    api.faults = [Response("<html>", 500, media_type="text/html")]
    async with client(api) as onenet:
        with pytest.raises(errors.Faulty, match="HTTP 500"):
            await onenet.me()


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>welcome"),
        JSONResponse({"hello": 1}),
        Response(status_code=302, headers={"Location": "/x"}),
    ],
)
async def test_an_answer_that_is_not_the_apis_is_named_so(api: FakeApi, answer: Response) -> None:
    api.faults = [answer]
    async with client(api) as onenet:
        with pytest.raises(errors.Unexpected, match=api.url):
            await onenet.me()


async def test_a_refused_token_is_renewed_once(api: FakeApi) -> None:
    renewals = []

    async def renew(last: Grant | None) -> Grant:
        renewals.append(last)
        return Grant(access_token="alice", expires_at=1e12)

    tokens = RenewedToken(renew, Grant(access_token="expired", expires_at=1e12))
    async with Client(api.url, tokens, retry=QUICK) as onenet:
        users = await asyncio.gather(*(onenet.me() for _ in range(5)))
    assert {user.user for user in users} == {"alice"}
    assert len(renewals) == 1


async def test_a_version_that_is_not_current_any_more_changes_nothing(api: FakeApi) -> None:
    service = api.add_service("orders", "alice")
    async with client(api) as onenet:
        with pytest.raises(errors.Changed):
            await onenet.services.update(UUID(service["id"]), {"description": "new"}, version=7)


async def test_fields_and_words_of_a_newer_api_are_kept(api: FakeApi) -> None:
    connection = _connection(api) | {"state": "LEVITATING", "novelty": {"a": 1}}
    api.tables["connections"][connection["id"]] = connection
    async with client(api) as onenet:
        read = await onenet.connections.get(UUID(connection["id"]))
    assert read.state == "LEVITATING"
    assert read.model_dump(mode="json")["novelty"] == {"a": 1}


async def test_waiting_follows_every_change_to_the_state_wanted(api: FakeApi) -> None:
    connection = _connection(api)
    api.script = ["PROVISIONING", "ESTABLISHED"]
    seen: list[str] = []
    async with client(api) as onenet:
        found = await onenet.connections.wait_for(
            UUID(connection["id"]), {"ESTABLISHED"}, 10, on_change=lambda one: seen.append(one.state)
        )
    assert found.state == "ESTABLISHED"
    assert seen == ["REQUESTED", "PROVISIONING", "ESTABLISHED"]


async def test_waiting_ends_when_the_connection_does(api: FakeApi) -> None:
    connection = _connection(api)
    api.script, api.reasons = ["REJECTED"], ["the blocks overlap"]
    async with client(api) as onenet:
        with pytest.raises(errors.Ended, match="REJECTED, not ESTABLISHED: the blocks overlap"):
            await onenet.wait_for(UUID(connection["id"]), {"ESTABLISHED"}, 10)


async def test_waiting_gives_up_in_time(api: FakeApi) -> None:
    connection = _connection(api)
    async with client(api) as onenet:
        with pytest.raises(errors.TimedOut, match="still REQUESTED"):
            await onenet.wait_for(UUID(connection["id"]), {"ESTABLISHED"}, 0.05)


async def test_what_does_not_exist_cannot_be_waited_for(api: FakeApi) -> None:
    async with client(api) as onenet:
        with pytest.raises(errors.NotFound):
            await onenet.wait_for(uuid4(), {"ESTABLISHED"}, 5)


def _connection(api: FakeApi) -> Thing:
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16"), ("vpc-2", "10.1.0.0/16")])
    left, right = api.tables["resources"]
    return api.request_connection("alice", {"resource_left": left, "resource_right": right})


@asynccontextmanager
async def _dropping(connections: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads the first requests and hangs up without an answer."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        if len(seen) > connections:
            body = b'{"user": "alice"}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
