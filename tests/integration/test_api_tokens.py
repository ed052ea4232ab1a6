"""Nobody comes in with a token that is not this issuer's access token for this API."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from onenet_api import keys
from onenet_api.problems import ProblemView
from onenet_api.token_kinds import objection
from tests.integration.api_issuer import Issuer
from tests.integration.api_scene import Scene

Forge = Callable[[Issuer], str]
SOON = 3600


def part(content: Any) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(issuer: Issuer) -> str:
    return f"{part({'alg': 'none', 'kid': issuer.key.kid})}.{part(issuer.claims('lena'))}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    text = f"{part({'alg': 'HS256', 'kid': issuer.key.kid})}.{part(issuer.claims('lena'))}"
    digest = hmac.digest(issuer.key.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{urlsafe_b64encode(digest).decode().rstrip('=')}"


def of_another_issuer(issuer: Issuer) -> str:
    """Its own key under our key's id."""
    return Issuer().signed({"alg": "RS256", "kid": issuer.key.kid}, issuer.claims("lena"))


def claiming(**claims: Any) -> Forge:
    return lambda issuer: issuer.token("lena", (), **claims)


def typed(kind: str) -> Forge:
    return lambda issuer: issuer.signed(
        {"alg": "RS256", "kid": issuer.key.kid, "typ": kind}, issuer.claims("lena")
    )


FORGED: dict[str, tuple[Forge, str]] = {
    "another issuer's name": (claiming(iss="https://elsewhere.example"), "iss"),
    "no issuer": (claiming(iss=None), "iss"),
    "another issuer's key": (of_another_issuer, "signature"),
    "an unknown key": (lambda _: Issuer().token("lena"), "key"),
    "no signature": (unsigned, "signature"),
    "the public key as a secret": (signed_with_the_public_key, "signature"),
    "expired": (claiming(exp=int(time.time()) - SOON), "expired"),
    "never expires": (claiming(exp=None), "exp"),
    "not valid yet": (claiming(nbf=int(time.time()) + SOON), "nbf"),
    "issued in the future": (claiming(iat=int(time.time()) + SOON), "iat"),
    "for another API": (claiming(aud="another"), "aud"),
    "for nobody": (claiming(aud=None), "aud"),
    "without a user": (claiming(preferred_username=None), "preferred_username"),
    "longer than a token is": (claiming(groups=["g" * 100] * 200), "longer"),
    "an ID token by its nonce": (claiming(nonce="n"), "ID token"),
    "an ID token by its access token's hash": (claiming(at_hash="h"), "ID token"),
    "an ID token by Keycloak's mark": (claiming(typ="ID"), "ID token"),
    "an ID token by Cognito's mark": (claiming(token_use="id"), "ID token"),
    "a logout token": (typed("logout+jwt"), "typ"),
    "no token": (lambda _: "x", "JSON Web Token"),
}


def assert_refused(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 401, answer.text
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="onenet", error="invalid_token"')
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = ProblemView.model_validate(answer.json())
    assert words in problem.detail
    assert words in challenge


@pytest.mark.parametrize("what", FORGED)
async def test_a_token_that_proves_nothing_is_answered_401_with_the_reason(scene: Scene, what: str) -> None:
    forge, words = FORGED[what]
    headers = {"Authorization": f"Bearer {forge(scene.issuer)}"}
    assert_refused(await scene.anonymous.get("/v1/me", headers=headers), words)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_an_access_token_may_say_what_it_is(scene: Scene, kind: str) -> None:
    headers = {"Authorization": f"Bearer {typed(kind)(scene.issuer)}"}
    assert (await scene.anonymous.get("/v1/me", headers=headers)).status_code == 200


@pytest.mark.parametrize(("kind", "taken"), [("at+jwt", True), ("JWT", False), (None, False), (5, False)])
def test_where_access_tokens_have_their_type_no_other_is_taken(kind: Any, taken: bool) -> None:
    assert (objection({"typ": kind}, {}, only_typed=True) is None) is taken


async def test_a_flood_of_unknown_keys_asks_the_issuer_at_most_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock is real: on a slow machine the flood must not outlast the pause.
    monkeypatch.setattr(keys, "PAUSE", SOON)
    forger = Issuer()
    await scene.user("lena").get("/v1/me")
    before = scene.issuer.asked
    for number in range(50):
        token = forger.signed({"alg": "RS256", "kid": f"unknown-{number}"}, forger.claims("lena"))
        answer = await scene.anonymous.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert_refused(answer, "key")
    assert scene.issuer.asked == before
    assert (await scene.user("lena").get("/v1/me")).status_code == 200
