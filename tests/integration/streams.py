"""Reading server-sent events, for tests of the API's stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.integration.waiting import eventually

PATH = "/v1/events"


@dataclass
class Following:
    """A stream that is open; everything that came so far.

    Args:
        events: of connections.
        inventory: of providers and resources, which come whenever discovery has something to say; of
            findings.
    """

    response: httpx.Response
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """The position after each event, and the first one before all of them."""
    inventory: list[dict[str, Any]] = field(default_factory=list)
    notices: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    comments: int = 0
    last_id: str = ""
    over: bool = False

    async def read(self) -> None:
        block: dict[str, str] = {}
        async for line in self.response.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
                continue
            self._take(block)
            block = {}
        self.over = True

    async def until(self, count: int) -> list[str]:
        """The last words of the types of all events, as soon as there are so many."""
        await eventually(self.look, lambda seen: len(seen.events) >= count)
        return [event["type"].split(".")[2] for event in self.events]

    async def ended(self) -> str:
        """The code with which it ended."""
        await eventually(self.look, lambda seen: seen.over)
        return self.notices[-1][1]["code"]

    async def look(self) -> Following:
        return self

    def _take(self, block: dict[str, str]) -> None:
        self.last_id = block.get("id", self.last_id)
        if "event" in block:
            self.notices.append((block["event"], json.loads(block["data"])))
        elif "data" in block:
            event = json.loads(block["data"])
            if event["connection"] is None:
                self.inventory.append(event)
            else:
                self.events.append(event)
                self.ids.append(self.last_id)
        elif "" in block:
            self.comments += 1


@asynccontextmanager
async def following(
    url: str, token: str, last_id: str | None = None, **query: Any
) -> AsyncIterator[Following]:
    """A stream from when the block is entered, over a real socket."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http,
        http.stream("GET", PATH, params=query) as response,
    ):
        if response.status_code != httpx.codes.OK:
            await response.aread()
        assert response.status_code == httpx.codes.OK, response.text
        stream = Following(response)
        reading = asyncio.create_task(stream.read())
        try:
            await eventually(stream.look, lambda seen: seen.last_id)
            yield stream
        finally:
            reading.cancel()
            await asyncio.wait({reading})
