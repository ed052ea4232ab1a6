from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from onenet_client.authorization import authorization_request, challenge
from onenet_client.errors import SignInRefused
from onenet_client.oidc import Metadata

ISSUER = "https://issuer.example.com"
REDIRECT = "http://127.0.0.1:4711/callback"
METADATA = Metadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/authorize?tenant=7",
    token_endpoint=f"{ISSUER}/token",
    scopes_supported=("openid", "groups", "admin"),
)
REQUEST = authorization_request(METADATA, "onenet-cli", REDIRECT, "onenet", login_hint="alice")


def callback(**answer: str) -> str:
    return f"{REDIRECT}?{urlencode({'state': REQUEST.state, 'code': 'c0de', **answer})}"


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_request_proves_itself_and_keeps_the_endpoints_own_query() -> None:
    query = {name: values[0] for name, values in parse_qs(urlsplit(REQUEST.url).query).items()}
    assert query["tenant"] == "7"
    assert query["code_challenge"] == challenge(REQUEST.verifier)
    assert query["scope"] == "openid groups"
    assert (query["redirect_uri"], query["login_hint"]) == (REDIRECT, "alice")
    assert 43 <= len(REQUEST.verifier) <= 128


def test_no_two_requests_share_their_secrets() -> None:
    other = authorization_request(METADATA, "onenet-cli", REDIRECT, "onenet")
    assert {other.state, other.verifier}.isdisjoint({REQUEST.state, REQUEST.verifier})


def test_the_code_is_read_from_the_answer() -> None:
    assert REQUEST.code(callback()) == "c0de"
    assert REQUEST.code(callback(iss=ISSUER)) == "c0de"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (callback(state="another"), "does not belong"),
        (f"{REDIRECT}?code=c0de", "does not belong"),
        (callback(iss="https://evil.example.com"), "evil"),
        (f"{REDIRECT}?state={REQUEST.state}&error=access_denied&error_description=who", "access_denied: who"),
        (f"{REDIRECT}?state={REQUEST.state}", "no code"),
    ],
    ids=["another state", "no state", "another issuer", "denied", "no code"],
)
def test_any_other_answer_is_refused(answer: str, words: str) -> None:
    with pytest.raises(SignInRefused, match=words):
        REQUEST.code(answer)


def test_an_issuer_that_signs_its_answers_must_sign_this_one() -> None:
    with pytest.raises(SignInRefused, match="not from"):
        replace(REQUEST, signs=True).code(callback())


def test_an_issuer_without_a_sign_in_page_is_for_programs() -> None:
    with pytest.raises(SignInRefused, match="--client-id"):
        authorization_request(
            METADATA.model_copy(update={"authorization_endpoint": None}), "c", REDIRECT, "a"
        )
