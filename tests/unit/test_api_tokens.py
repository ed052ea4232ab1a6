"""Access tokens: what proves who asks, and what does not."""

from __future__ import annotations

import hmac
import itertools
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onenet_api.keys import PAUSE, IssuerKeys
from onenet_api.settings import ApiSettings
from onenet_api.tokens import LEEWAY, TokenRefused, TokenVerifier, User
from onenet_common.errors import Transient
from tests.integration.api_issuer import URL, Issuer


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Api:
    """A verifier, its issuer, and the clock of both caches."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.clock = Clock()
        self.keys = IssuerKeys(URL, self.issuer.client(), self.clock)
        self.verifier = TokenVerifier(self.keys, ApiSettings(api_oidc_issuer=URL), self.clock)

    async def reason(self, token: str) -> str:
        with pytest.raises(TokenRefused) as refused:
            await self.verifier.user(token)
        return refused.value.reason


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    yield api
    await api.keys.stop()


async def test_a_token_names_its_user_and_groups(api: Api) -> None:
    user = await api.verifier.user(api.issuer.token("lena", ("orders", "onenet-admins")))
    assert user == User("lena", ("orders", "onenet-admins"), admin=True)
    assert user.principals == ["lena", "group:orders", "group:onenet-admins"]


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": int(time.time()) - LEEWAY - 5}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": int(time.time()) + 3600}, "nbf"),
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"aud": "another-api"}, "aud"),
        ({"aud": None}, "aud"),
        ({"preferred_username": None}, "preferred_username"),
        ({"preferred_username": "group:admins"}, "preferred_username"),
        ({"preferred_username": "le\x00na"}, "preferred_username"),
        ({"preferred_username": ["lena"]}, "preferred_username"),
    ],
    # Not by their values: those that hold a time differ between processes that run tests side by side.
    ids=itertools.count(),
)
async def test_a_wrong_claim_is_refused_by_name(api: Api, claims: dict[str, Any], words: str) -> None:
    assert words in await api.reason(api.issuer.token("lena", (), **claims))


async def test_clocks_may_differ_a_little(api: Api) -> None:
    just_expired = api.issuer.token("lena", (), exp=int(api.clock.now) - LEEWAY // 2)
    assert (await api.verifier.user(just_expired)).name == "lena"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "e30.e30.e30", "ÿ.ÿ.ÿ", "9" * 20_000])
async def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    assert await api.reason(token)


async def test_an_unsigned_token_is_refused(api: Api) -> None:
    header, payload, _ = api.issuer.token("lena").split(".")
    assert await api.reason(f"eyJhbGciOiJub25lIn0.{payload}.")
    assert await api.reason(f"{header}.{payload}.")


async def test_the_public_key_does_not_serve_as_a_shared_secret(api: Api) -> None:
    payload = api.issuer.token("root").split(".")[1]
    header = urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": api.issuer.key.kid}).encode())
    signed = f"{header.decode().rstrip('=')}.{payload}"
    forged = hmac.digest(api.issuer.key.as_pem(private=False), signed.encode(), "sha256")
    token = f"{signed}.{urlsafe_b64encode(forged).decode().rstrip('=')}"
    assert "signature" in await api.reason(token)


async def test_a_token_is_verified_once_until_it_expires(api: Api) -> None:
    token = api.issuer.token("lena", (), exp=int(api.clock.now) + 60)
    first = await api.verifier.user(token)
    assert await api.verifier.user(token) is first
    api.clock.now += 60 + LEEWAY + 1
    assert "expired" in await api.reason(token)


async def test_a_new_key_is_looked_up_and_a_withdrawn_one_is_not_trusted(api: Api) -> None:
    old = api.issuer.token("lena")
    await api.verifier.user(old)
    api.issuer.rotate()
    api.clock.now += PAUSE
    assert (await api.verifier.user(api.issuer.token("lena"))).name == "lena"
    assert "key" in await api.reason(old)


async def test_unknown_keys_do_not_make_us_hammer_the_issuer(api: Api) -> None:
    await api.verifier.user(api.issuer.token("lena"))
    stranger = Issuer()
    for _ in range(5):
        assert "key" in await api.reason(stranger.token("lena"))
    assert api.issuer.asked == 1


async def test_an_issuer_that_is_away_signs_nobody_out(api: Api) -> None:
    await api.verifier.user(api.issuer.token("lena"))
    api.issuer.away = True
    api.clock.now += PAUSE
    assert await api.reason(Issuer().token("lena"))
    assert (await api.verifier.user(api.issuer.token("ravi"))).name == "ravi"


async def test_without_any_key_the_caller_is_told_to_come_back(api: Api) -> None:
    api.issuer.away = True
    with pytest.raises(Transient):
        await api.verifier.user(api.issuer.token("lena"))


async def test_keys_may_be_elsewhere_than_where_the_issuer_says() -> None:
    issuer = Issuer()
    issuer.away = True  # its discovery; its keys can be had
    keys = IssuerKeys(URL, issuer.client(), jwks_url=f"{URL}/keys")
    verifier = TokenVerifier(keys, ApiSettings(api_oidc_issuer=URL))
    assert (await verifier.user(issuer.token("lena"))).name == "lena"
    assert issuer.asked == 0
    await keys.stop()
