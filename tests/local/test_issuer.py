"""The local issuer: real OAuth and OpenID Connect, only the password is missing."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from onenet_common.errors import Malformed
from onenet_local.issuer.accounts import load
from onenet_local.issuer.app import LONGEST_BODY, create
from onenet_local.issuer.grants import Grant, OneTimeTokens
from onenet_local.issuer.keys import KeyRing
from onenet_local.issuer.oauth import CLIENT, is_loopback
from onenet_local.issuer.process import Issuer
from onenet_local.issuer.provider import Provider
from onenet_local.issuer.signin import REDIRECT, sign_in
from onenet_local.probes import answers, free_port
from onenet_local.processes import Process, Program
from onenet_local.unprivileged import temporary_folder

URL = "http://127.0.0.1:9"
# The pair of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REQUEST = {
    "client_id": CLIENT,
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "scope": "openid",
    "state": "s t&te",
}
MACHINE = ("pipeline", "local-pipeline-secret")


@pytest.fixture
async def issuer() -> AsyncIterator[httpx.AsyncClient]:
    application = create(Provider(URL, load()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=URL) as client:
        yield client


async def _keys(issuer: httpx.AsyncClient) -> KeySet:
    return KeySet.import_key_set((await issuer.get("/jwks")).json())


async def _code(issuer: httpx.AsyncClient, **changed: str) -> str:
    answer = await issuer.get("/authorize", params={**REQUEST, "login_hint": "alice", **changed})
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def _trade(issuer: httpx.AsyncClient, code: str, **changed: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return await issuer.post(
        "/token", data={**form, "client_id": CLIENT, "redirect_uri": REDIRECT, **changed}
    )


async def test_an_access_token_says_who_it_is_for_whom_and_until_when(issuer: httpx.AsyncClient) -> None:
    token = jwt.decode(await sign_in(issuer, "alice"), await _keys(issuer), algorithms=["RS256"])
    claims = token.claims
    assert (claims["iss"], claims["aud"]) == (URL, "onenet")
    assert (claims["preferred_username"], claims["groups"]) == ("alice", ["team-a"])
    assert claims["email"] == "alice@example.com"
    assert claims["exp"] - claims["iat"] == 3600
    assert token.header["kid"]


async def test_everybody_of_the_default_list_can_sign_in(issuer: httpx.AsyncClient) -> None:
    keys = await _keys(issuer)
    groups = {
        person: jwt.decode(await sign_in(issuer, person), keys).claims["groups"]
        for person in ("alice", "bob", "carol", "nina")
    }
    assert groups == {"alice": ["team-a"], "bob": ["team-b"], "carol": [], "nina": ["onenet-admins"]}


async def test_discovery_names_endpoints_that_answer(issuer: httpx.AsyncClient) -> None:
    found = (await issuer.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == URL
    assert found["code_challenge_methods_supported"] == ["S256"]
    for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"):
        method = "GET" if endpoint in ("authorization_endpoint", "jwks_uri") else "POST"
        assert (await issuer.request(method, found[endpoint])).status_code not in (404, 405)


async def test_the_redirect_carries_state_and_issuer(issuer: httpx.AsyncClient) -> None:
    answer = await issuer.get("/authorize", params={**REQUEST, "login_hint": "bob"})
    sent_back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (sent_back["state"], sent_back["iss"]) == (["s t&te"], [URL])


async def test_a_code_is_good_for_once(issuer: httpx.AsyncClient) -> None:
    code = await _code(issuer)
    assert (await _trade(issuer, code)).status_code == 200
    again = await _trade(issuer, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:2/callback"},
        {"client_id": "somebody"},
    ],
)
async def test_a_stolen_code_is_worthless(issuer: httpx.AsyncClient, changed: dict[str, str]) -> None:
    answer = await _trade(issuer, await _code(issuer), **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_the_id_token_is_for_the_client_and_repeats_the_nonce(issuer: httpx.AsyncClient) -> None:
    tokens = (await _trade(issuer, await _code(issuer, nonce="n-1"))).json()
    claims = jwt.decode(tokens["id_token"], await _keys(issuer)).claims
    assert (claims["aud"], claims["nonce"]) == (CLIENT, "n-1")


async def test_a_refresh_token_is_rotated(issuer: httpx.AsyncClient) -> None:
    first = (await _trade(issuer, await _code(issuer))).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": CLIENT}
    second = (await issuer.post("/token", data={**form, "refresh_token": first})).json()
    assert jwt.decode(second["access_token"], await _keys(issuer)).claims["preferred_username"] == "alice"
    assert (await issuer.post("/token", data={**form, "refresh_token": first})).status_code == 400
    assert (await issuer.post("/revoke", data={"token": second["refresh_token"]})).status_code == 200
    revoked = await issuer.post("/token", data={**form, "refresh_token": second["refresh_token"]})
    assert revoked.json()["error"] == "invalid_grant"


async def test_a_machine_signs_in_with_its_secret_alone(issuer: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials"}
    tokens = (await issuer.post("/token", data=form, auth=MACHINE)).json()
    claims = jwt.decode(tokens["access_token"], await _keys(issuer)).claims
    assert (claims["preferred_username"], claims["groups"]) == ("pipeline", ["team-a"])
    assert "refresh_token" not in tokens
    for secret in ("wrong", "", "ä"):
        refused = await issuer.post("/token", data={**form, "client_id": "pipeline", "client_secret": secret})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"login_hint": "mallory"}, "access_denied"),
    ],
)
async def test_the_client_is_told_what_is_wrong(
    issuer: httpx.AsyncClient, changed: dict[str, str], error: str
) -> None:
    answer = await issuer.get("/authorize", params={**REQUEST, "login_hint": "alice", **changed})
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == [error]


@pytest.mark.parametrize(
    "changed", [{"client_id": "stranger"}, {"redirect_uri": "https://evil.example/cb"}, {"redirect_uri": ""}]
)
async def test_nobody_is_sent_to_an_untrusted_place(
    issuer: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    answer = await issuer.get("/authorize", params={**REQUEST, "login_hint": "alice", **changed})
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("uri", "trusted"),
    [
        ("http://127.0.0.1:50123/callback", True),
        ("http://[::1]:1/", True),
        ("http://localhost:8000/cb", True),
        ("http://127.0.0.1.evil.example/cb", False),
        ("http://127.0.0.1@evil.example/cb", False),
        ("http://evil.example#@127.0.0.1/", False),
        ("http://127.0.0.1:99999/cb", False),
        ("http://[::1/", False),
        ("https://127.0.0.1/cb", False),
        ("javascript:alert(1)", False),
    ],
)
def test_loopback_is_this_machine_on_any_port(uri: str, trusted: bool) -> None:
    assert is_loopback(uri) is trusted


async def test_the_page_lets_a_person_choose_and_runs_no_script(issuer: httpx.AsyncClient) -> None:
    page = await issuer.get("/authorize", params={**REQUEST, "state": '"><script>alert(1)</script>'})
    assert page.status_code == 200
    for person in ("alice", "bob", "carol", "nina"):
        assert f"login_hint={person}" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * (LONGEST_BODY + 1), "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 415),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"code=a&code=b", "application/x-www-form-urlencoded", 400),
        (b"code=%00", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % number for number in range(100)), "application/x-www-form-urlencoded", 400),
        (b"grant_type=password", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
    ],
)
async def test_bad_requests_are_answered_as_oauth_errors(
    issuer: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    answer = await issuer.post("/token", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_description"}


@cache
def _one_for_all_examples() -> Starlette:
    return create(Provider(URL, load()))


@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
async def test_no_authorization_header_breaks_the_token_endpoint(header: str) -> None:
    transport = httpx.ASGITransport(_one_for_all_examples())
    async with httpx.AsyncClient(transport=transport, base_url=URL) as issuer:
        form = {"grant_type": "client_credentials"}
        for value in (header, f"Basic {header}"):
            answer = await issuer.post("/token", data=form, headers={"Authorization": value})
            assert answer.status_code == 401


async def test_a_rotated_key_is_published_until_its_tokens_are_over() -> None:
    ring = KeyRing(retire_after=3600)
    token = ring.sign({"sub": "a"}, kind="JWT")
    ring.rotate(1_000.0, drop=False)
    assert jwt.decode(token, KeySet.import_key_set(ring.published(4_599.0))).claims == {"sub": "a"}
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, KeySet.import_key_set(ring.published(4_601.0)))


async def test_a_dropped_key_is_gone_at_once(issuer: httpx.AsyncClient) -> None:
    token = await sign_in(issuer, "alice")
    kid = (await issuer.post("/rotate")).json()["kid"]
    assert len((await _keys(issuer)).keys) == 2
    await issuer.post("/rotate", params={"drop": "true"})
    left = await _keys(issuer)
    assert len(left.keys) == 1
    assert left.keys[0].kid != kid
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, left)


def test_private_keys_are_never_published() -> None:
    assert all("d" not in key and "p" not in key for key in KeyRing(retire_after=1).published(0)["keys"])


def test_codes_expire_and_never_fill_the_memory() -> None:
    tokens = OneTimeTokens(lifetime=60, most=2)
    grant = Grant("alice", CLIENT, "openid")
    first, second, third = (tokens.issue(grant, now=0.0) for _ in range(3))
    assert tokens.redeem(first, now=1.0) is None, "the oldest made room"
    assert tokens.redeem(second, now=60.0) is None, "its time is over"
    assert tokens.redeem(third, now=59.9) == grant


def test_accounts_that_make_no_sense_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "accounts.yaml"
    for text in ("people: {}", "people: {alice: {groups: team-a}}", "- [", "people: {'<b>': {}}"):
        file.write_text(text)
        with pytest.raises(Malformed, match=r"accounts\.yaml"):
            load(file)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


async def test_as_a_process_it_signs_with_a_new_key_after_a_restart(folder: Path) -> None:
    async with Issuer(folder) as process, httpx.AsyncClient(base_url=process.url) as issuer:
        token = await sign_in(issuer, "bob")
        claims = jwt.decode(token, await _keys(issuer)).claims
        assert claims["iss"] == process.url
        assert claims["exp"] > time.time()
        await process.kill()
        await process.start()
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(token, await _keys(issuer))


async def test_as_a_process_it_can_have_another_name_than_its_address(folder: Path) -> None:
    port, name = free_port(), "http://localhost:9000"
    process = Process(
        Program(
            name="issuer",
            command=(sys.executable, "-m", "onenet_local.issuer", "--port", str(port), "--url", name),
            environment={},
            log=folder / "issuer.log",
            ready=answers(port, "/jwks"),
        )
    )
    async with process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as issuer:
        token = await sign_in(issuer, "bob")
        assert jwt.decode(token, await _keys(issuer)).claims["iss"] == name
