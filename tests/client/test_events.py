"""Events at the terminal: in their order, each once, however often the connection breaks."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest
from fastapi import Response

from onenet_client.errors import Unreachable
from onenet_client.events import Events
from onenet_client.retry import Retry
from onenet_client.transport import Transport
from tests.client.conftest import Run
from tests.client.fake_api import NOW, FakeApi, Thing


def happened(number: int, **other: Any) -> Thing:
    return {
        "id": f"event-{number}",
        "type": "onenet.connection.established.v1",
        "time": NOW,
        "summary": f"happening {number}",
        "connection": {"id": "6f1d3c52-0000-4000-8000-000000000000", "name": "orders to billing"},
        **other,
    }


def test_a_stream_that_breaks_is_resumed_where_it_was(onenet: Run, api: FakeApi) -> None:
    api.events = [happened(number) for number in range(5)]
    result = onenet("events", "-f", "-o", "json")
    assert result.code == 0, result.err
    assert [json.loads(line)["id"] for line in result.out.splitlines()] == [one["id"] for one in api.events]
    resumed = [request.headers.get("last-event-id") for request in api.requests]
    assert resumed == [None, "2", "4"]


def test_a_service_that_is_away_for_a_moment_is_asked_again(onenet: Run, api: FakeApi) -> None:
    api.events = [happened(1)]
    api.faults = [Response(status_code=503, headers={"Retry-After": "0"})]
    assert "happening 1" in onenet("events", "-f").out


def test_what_is_asked_for_is_sent(onenet: Run, api: FakeApi) -> None:
    onenet("events", "--since", "2h", "--type", "connection.failed", "--type", "provider.removed")
    asked = api.requests[-1].query_params
    assert asked.getlist("type") == ["connection.failed", "provider.removed"]
    assert (asked["follow"], "since" in asked) == ("false", True)


def test_a_line_says_what_happened_to_what_and_steers_no_terminal(onenet: Run, api: FakeApi) -> None:
    api.events = [happened(1, summary="refused: \x1b[2Jboo")]
    [line] = onenet("events").out.splitlines()
    assert "connection.established  orders to billing  refused:" in line
    assert "\x1b" not in line


def test_a_finding_is_named_by_its_kind_and_the_id_to_acknowledge_it_by(onenet: Run, api: FakeApi) -> None:
    finding = "7b1d3c52-0000-4000-8000-000000000000"
    api.events = [
        happened(
            1,
            type="onenet.finding.opened.v1",
            connection=None,
            subject=finding,
            services=["6f1d3c52-0000-4000-8000-000000000000"],
            summary="telnet (tcp/23) from a to b is in the clear",
            data={"kind": "cleartext"},
        )
    ]
    [line] = onenet("events").out.splitlines()
    assert f"finding.opened  cleartext {finding}  telnet (tcp/23) from a to b" in line


def test_what_was_is_in_the_order_of_time_whatever_topic_it_comes_from(onenet: Run, api: FakeApi) -> None:
    minutes = (3, 1, 1, 2)
    api.events = [happened(n, time=f"2026-11-25T12:0{minute}:00Z") for n, minute in enumerate(minutes)]
    lines = onenet("events").out.splitlines()
    assert [line.split()[-1] for line in lines] == ["1", "2", "3", "0"]
    followed = onenet("events", "-f").out.splitlines()
    assert [line.split()[-1] for line in followed] == ["0", "1", "2", "3"], "as it comes"


def test_who_is_not_signed_in_is_told_so(onenet: Run, api: FakeApi) -> None:
    api.faults = [Response(status_code=401)]
    assert onenet("events", "-f").code == 3


HURRIED = Retry(attempts=2, first=0.01, longest=0.01)


async def _answer(body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One stream with one event, which breaks off."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body)
    await writer.drain()
    writer.close()


async def _served(number: int, port: int = 0) -> asyncio.Server:
    body = f"id: {number}\ndata: {json.dumps(happened(number))}\n\n".encode()
    return await asyncio.start_server(partial(_answer, body), "127.0.0.1", port)


async def test_a_stream_that_was_heard_outlasts_an_api_that_is_away_for_longer() -> None:
    server = await _served(1)
    port = server.sockets[0].getsockname()[1]
    transport = Transport(f"http://127.0.0.1:{port}", None, 5, HURRIED)
    async with aclosing(Events(transport).follow()) as told:
        assert (await anext(told)).id == "event-1"
        server.close()
        following = asyncio.ensure_future(anext(told))
        await asyncio.sleep(20 * HURRIED.longest)
        assert not following.done()
        server = await _served(2, port)
        assert (await following).id == "event-2"
        server.close()
    await transport.close()


async def test_an_api_that_never_answered_is_not_waited_for() -> None:
    server = await _served(1)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    transport = Transport(f"http://127.0.0.1:{port}", None, 5, HURRIED)
    async with aclosing(Events(transport).follow()) as told:
        with pytest.raises(Unreachable, match="does not answer"):
            await anext(told)
    await transport.close()
