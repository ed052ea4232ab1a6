"""Who may see and do what: every route, for everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from onenet_common.connection import CType, Side, Step
from onenet_common.events import (
    ConnectionDelayed,
    ConnectionDrifted,
    ConnectionEstablished,
    ConnectionPlanned,
)
from tests.integration.api_scene import ADMIN, Owner, Scene

EVERYBODY = ("left", "right", "admin", "stranger", "anonymous")


@dataclass
class World:
    """Two owners, a connection between them that waits for the right one, and others."""

    left: Owner
    right: Owner
    connection: str
    terms: str
    clients: dict[str, httpx.AsyncClient]


@pytest.fixture
async def world(scene: Scene, left: Owner, right: Owner) -> World:
    sides = {"resource_left": left.resources[0], "resource_right": right.resources[0]}
    asked = await left.http.post("/v1/connections", json=sides)
    connection = asked.json()["id"]
    seen = await right.http.get(f"/v1/connections/{connection}")
    clients = {
        "left": left.http,
        "right": right.http,
        "admin": scene.user(*ADMIN[:1], *ADMIN[1]),
        "stranger": scene.user("zoe", "visitors"),
        "anonymous": scene.anonymous,
    }
    return World(left, right, connection, seen.json()["consent"]["terms"], clients)


Path = Callable[[World], str]
Body = Callable[[World], dict[str, Any]]


def nothing(_: World) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Route:
    """What left's owner, right's owner, an administrator and a stranger get; nobody else gets 401."""

    method: str
    path: Path
    left: int
    right: int
    admin: int
    stranger: int
    body: Body = nothing


ROUTES = {
    "read service": Route("GET", lambda w: f"/v1/services/{w.left.service}", 200, 404, 200, 404),
    "change service": Route("PATCH", lambda w: f"/v1/services/{w.left.service}", 200, 404, 200, 404),
    "delete service": Route("DELETE", lambda w: f"/v1/services/{w.left.service}", 409, 404, 409, 404),
    "read provider": Route("GET", lambda w: f"/v1/providers/{w.left.provider}", 200, 404, 200, 404),
    "change provider": Route("PATCH", lambda w: f"/v1/providers/{w.left.provider}", 200, 404, 200, 404),
    "delete provider": Route("DELETE", lambda w: f"/v1/providers/{w.left.provider}", 409, 404, 409, 404),
    "discover": Route("POST", lambda w: f"/v1/providers/{w.left.provider}/discover", 202, 404, 202, 404),
    "register provider": Route(
        "POST",
        lambda w: "/v1/providers",
        202,
        404,
        202,
        404,
        lambda w: {
            "name": "test",
            "service": w.left.service,
            "provider_type": "AWS",
            "account": "123456789012",
            "region": "us-east-1",
        },
    ),
    "read resource": Route("GET", lambda w: f"/v1/resources/{w.left.resources[0]}", 200, 404, 200, 404),
    "change resource": Route("PATCH", lambda w: f"/v1/resources/{w.left.resources[0]}", 200, 404, 200, 404),
    "request connection": Route(
        "POST",
        lambda w: "/v1/connections",
        202,
        202,
        202,
        404,
        lambda w: {"resource_left": w.left.resources[1], "resource_right": w.right.resources[0]},
    ),
    "read connection": Route("GET", lambda w: f"/v1/connections/{w.connection}", 200, 200, 200, 404),
    "read timeline": Route("GET", lambda w: f"/v1/connections/{w.connection}/timeline", 200, 200, 200, 404),
    "approve": Route(
        "POST",
        lambda w: f"/v1/connections/{w.connection}/approve",
        202,  # he has agreed by asking; nothing changes
        202,
        202,
        404,
        lambda w: {"terms": w.terms},
    ),
    "refuse": Route(
        "POST",
        lambda w: f"/v1/connections/{w.connection}/refuse",
        409,
        200,
        200,
        404,
        lambda w: {"reason": "no"},
    ),
    "retry": Route("POST", lambda w: f"/v1/connections/{w.connection}/retry", 409, 409, 409, 404),
    "change connection": Route(
        "PATCH",
        lambda w: f"/v1/connections/{w.connection}",
        202,
        202,
        202,
        404,
        lambda w: {"name": "another"},
    ),
    "delete connection": Route("DELETE", lambda w: f"/v1/connections/{w.connection}", 202, 202, 202, 404),
    "me": Route("GET", lambda w: "/v1/me", 200, 200, 200, 200),
}
LISTS = (
    "/v1/services",
    "/v1/providers",
    "/v1/resources",
    "/v1/connections",
    "/v1/directory/services",
    "/v1/directory/resources",
    "/v1/audit",
)


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("name", ROUTES)
async def test_everybody_gets_what_he_owns_and_others_find_nothing(world: World, name: str, who: str) -> None:
    route = ROUTES[name]
    has_body = route.method in ("POST", "PATCH")
    answer = await world.clients[who].request(
        route.method, route.path(world), json=route.body(world) if has_body else None
    )
    expected = 401 if who == "anonymous" else getattr(route, who)
    assert answer.status_code == expected, answer.text
    if expected == 404:
        assert not {world.connection, world.terms} & set(answer.text.split('"'))


@pytest.mark.parametrize("path", LISTS)
async def test_lists_need_a_signed_in_user(world: World, path: str) -> None:
    refused = await world.clients["anonymous"].get(path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [path for path in LISTS if "directory" not in path])
async def test_a_strangers_lists_are_empty_and_an_administrators_are_full(world: World, path: str) -> None:
    assert (await world.clients["stranger"].get(path)).json() == {"items": [], "next": None}
    assert (await world.clients["admin"].get(path)).json()["items"]


async def test_a_stranger_owning_a_network_cannot_use_others_networks_for_it(
    scene: Scene, world: World
) -> None:
    zoe = await scene.owner("zoe", {"vpc-7": ["10.7.0.0/16"]})
    sides = {"resource_left": world.left.resources[0], "resource_right": world.right.resources[0]}
    refused = await zoe.http.post("/v1/connections", json=sides)
    assert refused.status_code == 404
    assert world.connection not in refused.text


async def test_a_group_owns_like_a_user(scene: Scene) -> None:
    founder = scene.user("lena", "orders")
    made = await founder.post("/v1/services", json={"name": "orders", "owners": ["group:orders"]})
    assert made.json()["owners"] == ["group:orders"]
    path = made.headers["Location"]
    assert (await scene.user("theo", "orders").get(path)).status_code == 200
    assert (await scene.user("group:orders").get(path)).status_code == 401
    assert (await scene.user("orders").get(path)).status_code == 404


async def test_the_directory_tells_enough_to_ask_and_nothing_more(world: World) -> None:
    found = await world.clients["stranger"].get("/v1/directory/resources", params={"q": "vpc-2"})
    (resource,) = found.json()["items"]
    assert resource == {
        "id": world.right.resources[0],
        "name": "AWS\\vpc-2",
        "description": "",
        "owners": ["ravi"],
        "service": world.right.service,
        "service_name": "ravi's",
        "platform": "AWS",
        "region": "eu-north-1",
    }
    found = await world.clients["stranger"].get("/v1/directory/services", params={"q": "RAVI"})
    (service,) = found.json()["items"]
    assert set(service) == {"id", "name", "description", "owners", "platforms", "regions"}


async def test_every_change_is_in_the_audit_log_of_those_concerned(world: World) -> None:
    await world.right.http.post(f"/v1/connections/{world.connection}/refuse", json={"reason": "no"})
    entries = (await world.left.http.get("/v1/audit", params={"object_id": world.connection})).json()["items"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("ravi", "connection.refuse"),
        ("lena", "connection.request"),
    ]
    actions = {entry["action"] for entry in (await world.right.http.get("/v1/audit")).json()["items"]}
    assert actions == {"service.create", "provider.create", "connection.request", "connection.refuse"}


async def test_what_is_in_the_others_account_is_on_no_page_of_it(scene: Scene, world: World) -> None:
    path = f"/v1/connections/{world.connection}"
    await world.right.http.post(f"{path}/approve", json={"terms": world.terms})
    about: dict[str, Any] = {
        "connection_id": UUID(world.connection),
        "generation": 1,
        "ctype": CType.AWS_PEERING,
    }
    steps = tuple(
        Step(action="create_route", side=side, target=f"rtb-{side} 10.0.0.0/8", why=f"led to tgw-{side}")
        for side in Side
    )
    details = {"peering_id": "pcx-1"} | {f"flow_log_{side}": f"fl-{side}" for side in Side}
    refusal = "AWS CreateRoute: AccessDenied: role-right may not, on rtb-right"
    refused: dict[str, Any] = {"code": "access_denied", "reason": refusal, "told": {Side.RIGHT: refusal}}
    await scene.happen(
        ConnectionDelayed(**about, **refused),
        ConnectionEstablished(**about, details=details),
        ConnectionDrifted(**about, differences=steps),
        # What comes too late for the state is on the timeline all the same.
        ConnectionPlanned(**about, steps=steps),
    )
    pages = (path, "/v1/connections", f"{path}/timeline", "/v1/audit")
    for owner, own, other in ((world.left, "left", "right"), (world.right, "right", "left")):
        shown = "\n".join([(await owner.http.get(page)).text for page in pages])
        found = re.findall(r"(?:rtb|tgw|fl|role)-\w+", shown)
        assert {word for word in found if word.endswith(other)} == set()
        assert {f"rtb-{own}", f"tgw-{own}", f"fl-{own}"} <= set(found)
        assert (refusal in shown) is (own == "right")
        assert "pcx-1" in shown
        assert '"told"' not in shown
