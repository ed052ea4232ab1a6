"""The loopback end of a sign-in: a server for the one request that the browser is sent back with."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

PATH = "/callback"
LONGEST_LINE = 16_384
"""Bytes of a request line: browsers and issuers stay well below."""

PAGE = b"<!doctype html><title>OneNet</title><p>Signed in? See your terminal. This window can be closed."


class Loopback:
    """Listens on 127.0.0.1 while the context is open (RFC 8252, 7.3)."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._callback: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LONGEST_LINE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def redirect_uri(self) -> str:
        if self._server is None:
            raise RuntimeError("the loopback server has no address before it is entered")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{PATH}"

    async def callback(self, timeout: float) -> str:
        """The whole URL that the browser came back to.

        Args:
            timeout: seconds that a person has to sign in.

        Raises:
            TimeoutError: nobody came.
        """
        async with asyncio.timeout(timeout):
            return await self._callback

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; what is not the callback (a favicon, a scanner) does not count."""
        try:
            async with asyncio.timeout(5):
                line = await reader.readline()
            method, _, rest = line.decode("latin-1").partition(" ")
            target = rest.partition(" ")[0]
            expected = method == "GET" and target.partition("?")[0] == PATH
            writer.write(_answer("200 OK", PAGE) if expected else _answer("404 Not Found", b""))
            await writer.drain()
            if expected and not self._callback.done():
                self._callback.set_result(self.redirect_uri.removesuffix(PATH) + target)
        except (TimeoutError, ValueError, ConnectionError):
            return  # a silent, endless or vanished visitor: the person may still come
        finally:
            writer.close()


def _answer(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
