"""A lean HTTP/1.1 client: one kept-open connection, one request at a time, little work per answer.

A full client would take more of the machine than what it measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

TIMEOUT = 60.0
"""Seconds for one answer; a request that follows a change is held back for up to half of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    etag: str


def request(
    method: str, path: str, token: str, *, body: str = "", headers: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """An authenticated request as it goes over the wire."""
    content = body.encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(content)}",
        *(["Content-Type: application/json"] if content else []),
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "\r\n"]).encode() + content


class HttpConnection(asyncio.Protocol):
    """Sends requests one after another; see ``connected``."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._begin()

    async def send(self, wire: bytes) -> Answer:
        """Send one request and wait for its answer.

        Raises:
            ConnectionError: the server hung up.
            TimeoutError: it did not answer in time.
        """
        if self._transport is None:
            raise ConnectionError("not connected")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(wire)
        async with asyncio.timeout(TIMEOUT):
            return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have asyncio's methods, but not its classes.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the server hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    # The names of httptools' callbacks.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"etag":
            self._etag = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), b"".join(self._body), self._etag)
        self._begin()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._etag = ""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[HttpConnection]:
    """A connection to the server at ``url``, closed at the end."""
    address = urlsplit(url)
    async with asyncio.timeout(TIMEOUT):
        _, connection = await asyncio.get_running_loop().create_connection(
            HttpConnection, address.hostname or "127.0.0.1", address.port or 80
        )
    try:
        yield connection
    finally:
        connection.close()
