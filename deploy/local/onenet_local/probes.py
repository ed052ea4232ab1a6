"""Whether a process answers, asked without an HTTP library, which would slow down the start."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[bool]]

HOST = "127.0.0.1"
TIMEOUT = 2.0
"""Seconds for one question and its answer."""


PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections: such a port may be taken while its
process restarts, even by a client that tries to reach it and thereby connects to itself."""


def free_port() -> int:
    """A TCP port of the loopback interface on which nobody listens now."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise OSError(f"no port from {PORTS.start} to {PORTS.stop} is free")


def listens(port: int) -> Probe:
    """A probe that passes when somebody accepts connections on the port."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(TIMEOUT):
                _, writer = await asyncio.open_connection(HOST, port)
        except (OSError, TimeoutError):
            return False
        await _close(writer)
        return True

    return probe


def answers(port: int, path: str) -> Probe:
    """A probe that passes when ``GET path`` is answered with a status of 200 to 299."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(TIMEOUT):
                return 200 <= await _status(port, path) < 300
        except (OSError, TimeoutError, ValueError):
            return False

    return probe


async def _status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split(b" ", 2)
        if len(words) < 2:
            raise ValueError("not an HTTP answer")
        return int(words[1])
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
