"""Webhooks, the pure parts: what is signed, where deliveries may go, when they are tried again."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from onenet_api.problems import Problem
from onenet_api.webhooks import schedule, signing, targets
from onenet_api.webhooks.schedule import Outcome
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender, Sent
from onenet_api.webhooks.targets import TargetRefused
from onenet_common.errors import Permanent


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_reference_library_verifies_what_we_sign_with_the_new_secret_and_the_old() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    body = '{"type": "ü"}'.encode()
    headers = signing.headers("id", now(), body, [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"type": "ü"}
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


def test_the_ten_lines_of_the_documentation_verify_it_too() -> None:
    from pathlib import Path

    page = Path(__file__).parents[2] / "services" / "api" / "EVENTS.md"
    code = page.read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102  # the documentation's own example
    verify = names["verify"]
    assert callable(verify)
    secret = signing.new_secret()
    headers = signing.headers("id", now(), b"{}", [signing.new_secret(), secret])
    assert verify(secret, headers, b"{}")
    assert not verify(secret, headers, b"{ }")
    assert not verify(secret, signing.headers("id", now() - 3600, b"{}", [secret]), b"{}")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1"),
        *("2002:a00:1::", "2001:0:a00:1::", "::a00:1"),
    ],
)
def test_no_address_that_only_we_can_reach_is_permitted(address: str) -> None:
    with pytest.raises(TargetRefused, match="no public address"):
        targets.permitted([ip_address("8.8.8.8"), ip_address(address)], loopback=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert targets.permitted([ip_address(address)], loopback=False)


def test_loopback_is_for_development_and_nothing_else_comes_with_it() -> None:
    assert targets.permitted([ip_address("127.0.0.1")], loopback=True)
    with pytest.raises(TargetRefused):
        targets.permitted([ip_address("10.0.0.1")], loopback=True)
    assert targets.checked("http://127.0.0.1:80/x", loopback=True).port == 80
    with pytest.raises(TargetRefused, match="https is needed"):
        targets.checked("http://example.com/x", loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "ftp://example.com/", "https://", "https:///path", "example.com", ""),
        *("https://user:password@example.com/", "https://example.com/#part", "https://exa mple.com/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/"),
        *("https://example.com:99999/", "https://[::1/", "https://example.com/" + "a" * 2000),
    ],
)
def test_urls_that_no_webhook_may_have_are_refused_with_a_reason(url: str) -> None:
    with pytest.raises(TargetRefused) as refused:
        targets.checked(url, loopback=False)
    assert str(refused.value)


async def test_what_was_checked_is_what_is_connected_to_whatever_the_name_says_next() -> None:
    """A name that first is public and then, when it is asked again, is not."""
    asked = []

    async def rebinding(host: str, port: int) -> list[targets.Address]:
        asked.append(host)
        return [ip_address("192.0.2.1" if len(asked) > 1 else "127.0.0.1")]

    sent = await Sender(timeout=5, loopback=False, resolve=rebinding).post("https://example.com/", {}, b"{}")
    assert (sent.error, asked) == ("127.0.0.1 is no public address", ["example.com"])


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    sent = await Sender(timeout=5, loopback=True).post("http://127.0.0.1:2/", {}, b"{}")
    assert sent.status is None
    assert "ConnectError" in sent.error


def sent(status: int | None, error: str = "answered") -> Sent:
    return Sent(status, error, 0.1)


def test_what_an_attempt_means() -> None:
    assert schedule.outcome(sent(204, ""), tried_for=1e9, patience=60) is Outcome.DELIVERED
    assert schedule.outcome(sent(500), tried_for=59, patience=60) is Outcome.FAILED
    assert schedule.outcome(sent(None), tried_for=60, patience=60) is Outcome.GAVE_UP
    assert schedule.outcome(sent(410), tried_for=0, patience=60) is Outcome.GONE


@given(st.integers(1, 1000), st.none() | st.floats(0, 1e7), st.floats(0, 1))
def test_pauses_grow_to_an_hour_and_are_never_shorter_than_what_is_asked_for(
    attempts: int, retry_after: float | None, draw: float
) -> None:
    pause = schedule.pause(attempts, retry_after, draw)
    assert 2.5 <= pause <= 3600
    assert pause >= min(retry_after or 0, 3600)
    assert schedule.pause(1, None, draw) <= 5


def test_secrets_are_sealed_and_read_again_after_the_key_was_changed() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    secret = signing.new_secret()
    sealed = Seals(SecretStr(old)).seal(secret)
    assert secret not in sealed
    assert base64.b64decode(secret.removeprefix("whsec_")) not in base64.urlsafe_b64decode(sealed)
    assert Seals(SecretStr(f"{new}, {old}")).unseal(sealed) == secret
    with pytest.raises(Permanent, match="no key"):
        Seals(SecretStr(new)).unseal(sealed)
    with pytest.raises(Problem, match="ONENET_API_SECRETS_KEYS"):
        Seals(None).seal(secret)
