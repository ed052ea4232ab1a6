"""Mail over TLS to a real server: who is trusted, and that a password never goes in the clear."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from onenet_api.mail.smtp import Security, Smtp
from onenet_common.errors import Transient
from onenet_local.probes import free_port
from tests.authority import Authority
from tests.integration.test_api_mail import Mailbox

PASSWORD = SecretStr("correct horse")


@dataclass
class Server:
    """A mail server that wants a sign-in; ``tried`` are the passwords that it was told."""

    port: int
    mailbox: Mailbox = field(default_factory=Mailbox)
    tried: list[bytes] = field(default_factory=list)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.tried.append(data.password)
        return AuthResult(success=data.password.decode() == PASSWORD.get_secret_value(), handled=False)


@contextmanager
def serving(security: Security, certificate: tuple[Path, Path]) -> Iterator[Server]:
    server = Server(free_port())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    controller = Controller(
        server.mailbox,
        hostname="127.0.0.1",
        port=server.port,
        ssl_context=tls if security == "tls" else None,
        tls_context=tls if security == "starttls" else None,
        authenticator=server.authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("mail", "127.0.0.1")


async def send(
    server: Server, security: Security, ca_file: Path | None, password: SecretStr | None = PASSWORD
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "onenet@example.com", "lena@example.com", "one event"
    mail.set_content("it happened")
    await Smtp(
        "127.0.0.1", server.port, security, user="onenet", password=password, ca_file=ca_file, timeout=5
    ).send(mail)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_is_sent_by_who_signs_in_over_tls(
    security: Security, authority: Authority, certificate: tuple[Path, Path]
) -> None:
    with serving(security, certificate) as server:
        await send(server, security, authority.ca_file)
    assert [mail["Subject"] for mail in server.mailbox.taken] == ["one event"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_is_told_no_password(
    security: Security, authority: Authority, certificate: tuple[Path, Path]
) -> None:
    with (
        serving(security, certificate) as server,
        pytest.raises(Transient, match="certificate verify failed"),
    ):
        await send(server, security, None)
    elsewhere = authority.issue("mail.example.com")
    with (
        serving(security, elsewhere) as other,
        pytest.raises(Transient, match="certificate is not valid for"),
    ):
        await send(other, security, authority.ca_file)
    assert server.tried == other.tried == []


async def test_a_server_that_does_not_offer_tls_is_told_nothing(
    authority: Authority, certificate: tuple[Path, Path]
) -> None:
    with serving("none", certificate) as server:
        for security in ("starttls", "tls"):
            with pytest.raises(Transient):
                await send(server, security, authority.ca_file)
        with pytest.raises(Transient, match="no password is sent in the clear"):
            await send(server, "none", None)
    assert (server.tried, server.mailbox.taken) == ([], [])


async def test_a_sign_in_that_is_refused_keeps_the_mail(
    authority: Authority, certificate: tuple[Path, Path]
) -> None:
    with serving("starttls", certificate) as server, pytest.raises(Transient, match="535"):
        await send(server, "starttls", authority.ca_file, SecretStr("wrong"))
    assert set(server.tried) == {b"wrong"}
