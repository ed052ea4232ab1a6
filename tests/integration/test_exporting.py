"""Where traces are sent to may be away or hang: a service works, and ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from onenet_common.envelope import Message
from onenet_common.events import CONNECTIONS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.probes import HOST, free_port
from tests.integration.test_runner import running
from tests.samples import requested, wish


@pytest.fixture
async def hanging() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    ended = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(hang, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    ended.set()
    server.close()


@pytest.mark.parametrize("endpoint", ["refuses", "hangs"])
async def test_a_service_neither_waits_nor_stops_for_its_traces(
    settings: Settings, producer: Producer, hanging: int, endpoint: str
) -> None:
    port = hanging if endpoint == "hangs" else free_port()
    told = {"ONENET_OTLP_ENDPOINT": f"http://{HOST}:{port}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    async with running(settings, **told) as service:
        await service.become("/readyz", 200)
        events = [requested(wish()).event for _ in range(1500)]
        await producer.send([Outgoing.of(Message.of(event, trace={})) for event in events])
        await service.shows("onenet_consumer_lag", f'topic="{CONNECTIONS}"', 0)
        assert await service.status("/readyz") == 200
        assert await service.end() == 0
