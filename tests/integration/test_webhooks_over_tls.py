"""Deliveries over TLS: to whom the certificate is for, at the address that was checked, or not at all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from onenet_api.webhooks.sending import Sender, Sent, trusting
from onenet_api.webhooks.targets import Address
from tests.authority import Authority
from tests.integration.api_scene import Owner, Scene
from tests.integration.test_api_webhooks import (  # noqa: F401  # fixtures
    _in_a_hurry,
    agreed,
    api,
    delayed,
    delivering,
    happen,
    hooks,
    lena,
    ravi,
)
from tests.integration.waiting import eventually

NAME = "hooks.example.com"


@dataclass
class TlsReceiver:
    """What came: the name that was asked for by TLS, and the request's header lines."""

    port: int = 0
    names: list[str | None] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length"))
        await reader.readexactly(length)
        self.requests.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    def headers(self) -> dict[str, str]:
        [head] = self.requests
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}


@asynccontextmanager
async def receiving(*certificates: tuple[Path, Path]) -> AsyncIterator[TlsReceiver]:
    """A receiver that shows these certificates, one a connection, the last one again and again."""
    receiver = TlsReceiver()
    contexts = [_context(*one) for one in certificates]

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        receiver.names.append(name)
        connection.context = contexts[min(len(receiver.names), len(contexts)) - 1]

    first = _context(*certificates[0])
    first.sni_callback = choose
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=first)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@dataclass
class Names:
    """Resolves to these addresses in turn; the last answer is given again and again."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [ip_address(one) for one in answer]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def send(
    receiver: TlsReceiver, names: Names, trusted: Path | None, *, loopback: bool = True, host: str = NAME
) -> Sent:
    sender = Sender(timeout=5, loopback=loopback, tls=trusting(trusted), resolve=names.resolve)
    return await sender.post(f"https://{host}:{receiver.port}/hook", {"x-a": "b"}, b"{}")


async def test_it_goes_to_the_address_that_was_checked_under_the_name_that_was_asked_for(
    authority: Authority,
) -> None:
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    async with receiving(authority.issue(NAME)) as receiver:
        sent = await send(receiver, names, authority.ca_file)
    assert (sent.status, sent.error) == (204, "")
    assert names.asked == [NAME]
    assert receiver.names == [NAME]
    assert receiver.headers()["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize(("answers", "loopback"), [(["127.0.0.1", "10.0.0.1"], True), (["127.0.0.1"], False)])
async def test_a_name_that_leads_inside_is_refused_before_anything_is_said(
    authority: Authority, answers: list[str], loopback: bool
) -> None:
    async with receiving(authority.issue(NAME)) as receiver:
        sent = await send(receiver, Names([answers]), authority.ca_file, loopback=loopback)
    assert (sent.status, "is no public address" in sent.error) == (None, True)
    assert receiver.names == []


async def test_nothing_is_said_to_whom_nobody_vouches_for(authority: Authority) -> None:
    names = Names([["127.0.0.1"]])
    async with receiving(authority.self_signed(NAME)) as receiver:
        unknown = await send(receiver, names, authority.ca_file)
    async with receiving(authority.issue(NAME)) as other:
        untrusted = await send(other, names, None)
    assert unknown.error == "the certificate is not accepted: self-signed certificate"
    assert untrusted.error == "the certificate is not accepted: unable to get local issuer certificate"
    assert receiver.requests == other.requests == []


async def test_a_certificate_for_another_name_is_none(authority: Authority) -> None:
    async with receiving(authority.issue("other.example.com")) as receiver:
        sent = await send(receiver, Names([["127.0.0.1"]]), authority.ca_file)
    assert sent.error.startswith("the certificate is not accepted: Hostname mismatch")
    assert NAME in sent.error
    assert receiver.requests == []


async def test_a_certificate_for_the_address_is_none_for_the_name(authority: Authority) -> None:
    async with receiving(authority.issue("address", "127.0.0.1")) as receiver:
        sent = await send(receiver, Names([["127.0.0.1"]]), authority.ca_file)
    assert sent.error.startswith("the certificate is not accepted: Hostname mismatch")


async def test_a_certificate_that_is_not_accepted_is_counted_and_tried_again_until_it_is(
    api: Scene,  # noqa: F811  # the fixture
    lena: Owner,  # noqa: F811  # the fixture
    ravi: Owner,  # noqa: F811  # the fixture
    authority: Authority,
) -> None:
    connection = await agreed(lena, ravi)
    sender = Sender(timeout=5, loopback=True, tls=trusting(authority.ca_file))
    async with receiving(authority.self_signed("localhost"), authority.issue("localhost")) as receiver:
        url = f"https://localhost:{receiver.port}/hook"
        made: dict[str, Any] = (await lena.http.post(hooks(lena), json={"url": url})).json()

        async def attempts() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (
                await lena.http.get(f"{hooks(lena)}/{made['id']}/attempts")
            ).json()["items"]
            return found

        async with delivering(api, sender=sender):
            await happen(api, delayed(connection, 1))
            second, first = await eventually(attempts, lambda found: len(found) == 2)
    assert (first["outcome"], first["error"]) == (
        "failed",
        "the certificate is not accepted: self-signed certificate",
    )
    assert (second["outcome"], second["number"]) == ("delivered", 2)
    assert len(receiver.requests) == 1
