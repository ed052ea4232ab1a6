"""All streams of this process: how many there may be, and how one is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import aclosing

import structlog
from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from onenet_api.events.feed import Feed
from onenet_api.events.stream import Asked, Stream
from onenet_api.problems import Problem
from onenet_api.settings import ApiSettings
from onenet_api.tokens import TokenVerifier
from onenet_common.database import Database
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_open = meter.create_gauge("onenet.api.streams", description="Streams of events that are open")
_ended = meter.create_counter("onenet.api.streams.ended", description="Streams that ended, by why")

UNREAD = 30.0
"""Seconds that a reader may leave what was written unread."""
MEDIA_TYPE = "text/event-stream"


class Streams:
    """Opens streams within limits; a component that ends them all when stopped."""

    def __init__(self, settings: ApiSettings, database: Database, verifier: TokenVerifier) -> None:
        self._settings = settings
        self._verifier = verifier
        self._by_user: Counter[str] = Counter()
        self.feed = Feed(settings, database)

    async def start(self) -> None:
        _open.set(0)
        await self.feed.start()

    async def stop(self) -> None:
        await self.feed.stop()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._by_user.total()

    async def open(self, asked: Asked) -> Response:
        """A response that streams.

        Raises:
            Problem: 429 when the user has too many streams, 503 when this process has.
            Transient: when Kafka is away.
        """
        self._admit(asked.user.name)
        stream = Stream(
            asked,
            self._settings,
            self._verifier,
            self.feed,
            heartbeat=self._settings.api_streams_heartbeat,
            limit=self._settings.api_streams_backlog,
        )
        try:
            await stream.open()
        except BaseException:
            await self._release(stream)
            raise
        return EventStream(stream, self._release)

    def _admit(self, user: str) -> None:
        if self._by_user[user] >= self._settings.api_streams_per_user:
            limit = self._settings.api_streams_per_user
            raise Problem(429, "too-many-streams", f"you have {limit} streams already; end one of them",
                          headers={"Retry-After": "5"})  # fmt: skip
        if self.count >= self._settings.api_streams:
            raise Problem(503, "too-many-streams", "this process serves as many streams as it may; try again",
                          headers={"Retry-After": "5"})  # fmt: skip
        self._by_user[user] += 1
        _open.set(self.count)

    async def _release(self, stream: Stream) -> None:
        user = stream.asked.user.name
        self._by_user[user] -= 1
        if not self._by_user[user]:
            del self._by_user[user]
        _open.set(self.count)
        _ended.add(1, {"code": stream.code or "left"})
        await stream.close()


class EventStream(Response):
    """Sends a stream until it ends, its reader leaves, or its reader stops reading."""

    media_type = MEDIA_TYPE

    def __init__(self, stream: Stream, release: Callable[[Stream], Coroutine[None, None, None]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})
            await self._release(self._stream)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._stream.frames()) as frames:
                async for frame in frames:
                    await _written(send, {"type": "http.response.body", "body": frame, "more_body": True})
            await _written(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # The server closes a connection whose response is not complete.
            self._stream.code = "unread"
            log.info("stream.unread", seconds=UNREAD)


async def _written(send: Send, message: Message) -> None:
    async with asyncio.timeout(UNREAD):
        await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
