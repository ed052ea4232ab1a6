"""Whatever comes in: an answer that says which value is wrong and what would be right."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from onenet_api.limits import LARGEST_BODY
from tests.integration.api_scene import Owner, Scene, provider_request

UNKNOWN = "0b1c3c1e-6a2e-4c52-9a52-6f0b7d0f4a11"
PAIR = {"resource_left": UNKNOWN, "resource_right": "5c8f0a8e-0f0e-4a35-8a4e-2f6f8f1f7c22"}

BODIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown field": ("/v1/services", {"name": "a", "colour": "red"}, "colour"),
    "no name": ("/v1/services", {}, "name"),
    "an empty name": ("/v1/services", {"name": "   "}, "name"),
    "a long name": ("/v1/services", {"name": "n" * 129}, "name"),
    "a NUL in a name": ("/v1/services", {"name": "a\x00b"}, "name"),
    "a line break in a name": ("/v1/services", {"name": "a\nb"}, "name"),
    "half a character": ("/v1/services", {"name": "\ud800"}, "name"),
    "a NUL in a description": ("/v1/services", {"name": "a", "description": "\x00"}, "description"),
    "a long description": ("/v1/services", {"name": "a", "description": "d" * 2001}, "description"),
    "a NUL in an owner": ("/v1/services", {"name": "a", "owners": ["\x00"]}, "owners.0"),
    "a group without name": ("/v1/services", {"name": "a", "owners": ["group:"]}, "owners.0"),
    "too many owners": ("/v1/services", {"name": "a", "owners": ["x"] * 51}, "owners"),
    "a short account": ("/v1/providers", provider_request(UNKNOWN, account="123"), "account"),
    "an account in foreign digits": (
        "/v1/providers",
        provider_request(UNKNOWN, account="\u0661" * 12),
        "account",
    ),
    "no region": ("/v1/providers", provider_request(UNKNOWN, region="Stockholm"), "region"),
    "an unknown platform": ("/v1/providers", provider_request(UNKNOWN, provider_type="VAX"), "provider_type"),
    "a role that is none": ("/v1/providers", provider_request(UNKNOWN, role_arn="admin"), "role_arn"),
    "another account's role": (
        "/v1/providers",
        provider_request(UNKNOWN, role_arn="arn:aws:iam::999999999998:role/OneNet"),
        "body",
    ),
    "a bad UUID": ("/v1/connections", PAIR | {"resource_left": "vpc-1"}, "resource_left"),
    "twice the same resource": ("/v1/connections", PAIR | {"resource_right": UNKNOWN}, "body"),
    "an unknown ctype": ("/v1/connections", PAIR | {"ctype": "CARRIER_PIGEON"}, "ctype"),
    "a deletion asked for as a wish": (
        "/v1/connections",
        PAIR | {"desired_state": "DELETED"},
        "desired_state",
    ),
    "a port too many": (
        "/v1/connections",
        PAIR | {"l4filters": [{"protocol": "tcp", "from_port": 1, "to_port": 65536}]},
        "l4filters.0.to_port",
    ),
    "ports turned round": (
        "/v1/connections",
        PAIR | {"l4filters": [{"protocol": "tcp", "from_port": 9, "to_port": 1}]},
        "l4filters.0",
    ),
    "too many filters": ("/v1/connections", PAIR | {"l4filters": [{}] * 51}, "l4filters"),
    "no latency at all": (
        "/v1/connections",
        PAIR | {"requirements": {"latency_ms": 0}},
        "requirements.latency_ms",
    ),
}


@pytest.fixture
def http(scene: Scene) -> httpx.AsyncClient:
    return scene.user("lena")


def errors(answer: httpx.Response) -> list[dict[str, str]]:
    """The fields that a problem names, after a look at its form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail", "instance", "trace_id"} <= set(problem)
    listed: list[dict[str, str]] = problem["errors"]
    return listed


@pytest.mark.parametrize("what", BODIES)
async def test_a_bad_body_is_refused_by_field(http: httpx.AsyncClient, what: str) -> None:
    path, body, field = BODIES[what]
    content = json.dumps(body)  # escapes what httpx could not send
    answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [error["field"] for error in errors(answer)] == [field]
    assert all(error["message"] for error in errors(answer))


async def test_an_unknown_ctype_is_told_the_known_ones(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/connections", json=PAIR | {"ctype": "CARRIER_PIGEON"})
    assert "AWS_PEERING" in errors(answer)[0]["message"]
    assert errors(answer)[0]["value"] == '"CARRIER_PIGEON"'


WORDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing": ({}, "", "is required"),
    "unknown": (
        {"name": "a", "colour": 1},
        "1",
        "there is no such field; the API's /docs lists what there is",
    ),
    "no list": ({"name": "a", "owners": "lena"}, '"lena"', "give a list"),
    "a NUL": (
        {"name": "a\x00b"},
        '"a\\u0000b"',
        "must have no control characters, such as NUL or a line break",
    ),
}


@pytest.mark.parametrize("what", WORDS)
async def test_what_would_be_right_is_said_in_words_of_json(http: httpx.AsyncClient, what: str) -> None:
    body, value, message = WORDS[what]
    (error,) = errors(await http.post("/v1/services", json=body))
    assert (error["value"], error["message"]) == (value, message)


async def test_a_wish_that_cannot_be_is_told_those_that_can(http: httpx.AsyncClient) -> None:
    (error,) = errors(await http.post("/v1/connections", json=PAIR | {"desired_state": "DELETED"}))
    assert error["message"] == "Input should be 'ESTABLISHED' or 'PLANNED'"


QUERIES: dict[str, tuple[str, str]] = {
    "/v1/services?limit=0": ("limit", "0"),
    "/v1/services?limit=201": ("limit", "201"),
    "/v1/services?limit=x": ("limit", "x"),
    "/v1/services?sort=owners": ("sort", "owners"),
    "/v1/services?colour=red": ("colour", "red"),
    "/v1/services?name=a%00b": ("name", "NUL"),
    "/v1/services?cursor=broken": ("cursor", "broken"),
    "/v1/connections?state=LOST": ("state.0", "LOST"),
    "/v1/connections?ctype=VPN": ("ctype", "VPN"),
    "/v1/connections?contains=10.0.0.1/8": ("contains", "10.0.0.1/8"),
    "/v1/resources?contains=ten": ("contains", "ten"),
    "/v1/resources?contains=fe80::1%25eth0": ("contains", "eth0"),
    "/v1/resources/vpc-1": ("resource_id", "vpc-1"),
    "/v1/connections/00000000-0000-0000-0000-00000000000g": ("connection_id", "0g"),
    f"/v1/connections/{UNKNOWN}?wait=61": ("wait", "61"),
    f"/v1/connections/{UNKNOWN}?wait=nan": ("wait", "nan"),
    "/v1/directory/services?q=%00": ("q", ""),
    f"/v1/connections/{UNKNOWN}?wiat=20": ("wiat", "20"),
    f"/v1/connections/{UNKNOWN}?wait=0&colour=red": ("colour", "red"),
    "/v1/me?colour=red": ("colour", "red"),
}


@pytest.mark.parametrize("path", QUERIES)
async def test_a_bad_query_is_refused_by_parameter(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 422
    (error,) = errors(answer)
    assert error["field"] == QUERIES[path][0]


async def test_an_unknown_parameter_is_told_the_known_ones(http: httpx.AsyncClient) -> None:
    (error,) = errors(await http.get("/v1/services?colour=red"))
    assert error["message"] == "there is no such parameter; known are: cursor, limit, name, sort"


@pytest.mark.parametrize(("method", "verb"), [("POST", "/retry"), ("PATCH", ""), ("DELETE", "")])
async def test_a_change_has_no_parameters_that_it_would_not_read(
    http: httpx.AsyncClient, method: str, verb: str
) -> None:
    body: dict[str, Any] | None = None if method == "DELETE" else {}
    answer = await http.request(method, f"/v1/connections/{UNKNOWN}{verb}?wait=20", json=body)
    (error,) = errors(answer)
    assert (answer.status_code, error["field"], error["value"]) == (422, "wait", '"20"')
    assert error["message"] == "there is no such parameter; there are none here"


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"name": ', "application/json", 422),
        (b"[1]", "application/json", 422),
        (b'"name"', "application/json", 422),
        (b"", "application/json", 422),
        (b'{"name": "\xff"}', "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b'{"name": "a"}', "text/plain", 415),
        (b'{"name": "a"}', "application/jsonp", 415),
        (b'{"name": "a"}', "application/json; charset=latin-1", 415),
        (b"name=a", "application/x-www-form-urlencoded", 415),
        (b'{"name": "' + b"n" * LARGEST_BODY + b'"}', "application/json", 413),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    http: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    answer = await http.post("/v1/services", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status, answer.text
    errors(answer)


async def test_a_body_of_unknown_length_is_cut_off_too(http: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    answer = await http.post("/v1/services", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    errors(answer)
    assert answer.json()["type"] == "urn:onenet:problem:content-too-large"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", "3"),
        ("If-Match", '"3'),
        ("Idempotency-Key", "two words"),
        ("Idempotency-Key", "k" * 256),
    ],
)
async def test_a_bad_header_is_refused(left: Owner, header: str, value: str) -> None:
    if header == "If-Match":
        answer = await left.http.delete(f"/v1/services/{left.service}", headers={header: value})
    else:
        answer = await left.http.post("/v1/services", json={"name": "a"}, headers={header: value})
    assert answer.status_code == 422
    assert errors(answer)[0]["field"].lower() == header.lower()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/services/", 404),
        ("GET", "/v1/%00", 404),
        ("DELETE", "/v1/services", 405),
        ("POST", "/v1/me", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    errors(answer)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic bGVuYTpsZW5h", "Bearer x", "Bearer a.b.c", "Bearer \xff\xff"],
)
async def test_a_bad_token_is_refused_with_a_challenge(scene: Scene, authorization: str) -> None:
    answer = await scene.anonymous.get(
        "/v1/me", headers=[(b"Authorization", authorization.encode("latin-1"))]
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    errors(answer)


async def test_a_broken_part_of_ours_is_a_problem_without_its_words(scene: Scene) -> None:
    async with scene.database.acquire() as connection:
        await connection.execute("ALTER TABLE services RENAME TO hidden")
    try:
        answer = await scene.tolerant("lena").get("/v1/services")
    finally:
        async with scene.database.acquire() as connection:
            await connection.execute("ALTER TABLE hidden RENAME TO services")
    assert answer.status_code == 500
    assert errors(answer) == []
    assert "hidden" not in answer.text
    assert "services s" not in answer.text


async def test_a_database_that_is_away_is_a_503(scene: Scene) -> None:
    away = Scene("postgresql://nobody@127.0.0.1:1/none")
    answer = await away.user("lena").get("/v1/services")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    errors(answer)


async def test_a_path_tells_all_that_can_be_done_with_it(http: httpx.AsyncClient) -> None:
    for path, methods in {"/v1/services": {"GET", "POST"}, "/v1/me/mail": {"GET", "PUT"}}.items():
        answer = await http.request("OPTIONS", path)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, methods)
