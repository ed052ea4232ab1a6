"""A receiver of webhooks on a real port, which notes what comes and answers as it is told."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from onenet_common.runner import Server
from tests.integration.waiting import eventually


@dataclass
class Got:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Args:
    answer: the status for an event.
    pause: seconds until it is given.
    """

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], int] = lambda _: 204
    pause: float = 0.0

    async def receive(self, request: Request) -> Response:
        got = Got(dict(request.headers), await request.body())
        self.got.append(got)
        await asyncio.sleep(self.pause)
        status = self.answer(got.event)
        headers = {"Location": "http://127.0.0.1:1/"} if 300 <= status < 400 else {}
        return Response(status_code=status, headers=headers)

    def summaries(self, subject: str | None = None) -> list[str]:
        """What came, in its order."""
        return [one.event["summary"] for one in self.got if subject in (None, one.event["subject"])]

    async def until(self, count: int) -> list[str]:
        async def look() -> list[str]:
            return self.summaries()

        return await eventually(look, lambda seen: len(seen) >= count)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = Starlette(routes=[Route("/{path:path}", receiver.receive, methods=["POST"])])
    server = Server(app, host="127.0.0.1", port=port, drain=1)
    await server.start()
    receiver.url = f"http://127.0.0.1:{port}/hook"
    yield receiver
    await server.stop()
