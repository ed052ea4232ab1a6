"""One delivery over HTTP: to the very address that was checked, and no further than there."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore

from onenet_api.webhooks import targets
from onenet_api.webhooks.targets import Address, TargetRefused

CONNECT = 5.0
"""Seconds for resolving, and for connecting."""

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt.

    Args:
        status: of the response; None when there was none.
        error: why it is no success, in words for the webhook's owner; empty for a success.
        seconds: how long it took.
        retry_after: seconds that the receiver asks us to wait.
    """

    status: int | None
    error: str
    seconds: float
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return not self.error


class Sender:
    """Posts to receivers: no proxy, no redirects, no body read, all within ``timeout`` seconds.

    Args:
        loopback: this machine is allowed, for development.
        tls: what certificates are checked with.
    """

    def __init__(
        self,
        *,
        timeout: float,
        loopback: bool,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self.timeout = timeout
        self._loopback = loopback
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolve or resolved

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        started = time.perf_counter()
        status, error, retry_after = None, "", None
        try:
            async with asyncio.timeout(self.timeout):
                status, retry_after = await self._post(url, headers, body)
            error = "" if 200 <= status < 300 else f"answered {status}"
        except TimeoutError:
            error = f"no answer within {self.timeout:g} s"
        except TargetRefused as refusal:
            error = str(refusal)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as failure:
            error = _explained(failure)
        return Sent(status, error, time.perf_counter() - started, retry_after)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, float | None]:
        targets.checked(url, loopback=self._loopback)
        backend = _Checked(self._resolve, loopback=self._loopback)
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            return response.status, _retry_after(response.headers)


class _Checked(httpcore.AsyncNetworkBackend):
    """Resolves once, checks what was found, and connects to that."""

    def __init__(self, resolve: Resolve, *, loopback: bool) -> None:
        self._resolve = resolve
        self._loopback = loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async with asyncio.timeout(CONNECT):
            addresses = await self._resolve(host, port)
        targets.permitted(addresses, loopback=self._loopback)
        *others, last = addresses
        for address in others:
            try:
                return await self._network.connect_tcp(str(address), port, timeout=CONNECT)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(last), port, timeout=CONNECT)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def resolved(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host, each once.

    Raises:
        OSError: when it has none, or nobody says.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(place[0]) for *_, place in found))


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What receivers' certificates are checked with: the system's authorities, and those of a file.

    Raises:
        OSError: the file is away, or holds no certificates.
    """
    tls = ssl.create_default_context()
    if ca_file is not None:
        tls.load_verify_locations(ca_file)
    return tls


def _explained(failure: BaseException) -> str:
    """In words for the webhook's owner; what TLS itself says lies beneath the transport's error."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"{type(failure).__name__}: {failure}"[:500]


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 7:
            return float(value)
    return None
