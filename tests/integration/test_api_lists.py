"""Lists: pages that lose nothing, orders, and filters."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.api_scene import Owner, Scene


async def walk(http: httpx.AsyncClient, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while cursor is not None or not pages:
        answer = await http.get(path, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["items"])
        cursor = answer.json()["next"]
    return pages


async def connect(owner: Owner, one: int, two: int, **other: Any) -> dict[str, Any]:
    sides = {"resource_left": owner.resources[one], "resource_right": owner.resources[two]}
    answer = await owner.http.post("/v1/connections", json=sides | other)
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
async def many(scene: Scene) -> Owner:
    """An owner of four networks with six connections between them."""
    networks = {f"vpc-{number}": [f"10.{number}.0.0/16"] for number in range(4)}
    owner = await scene.owner("lena", networks)
    for one, two in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]:
        await connect(owner, one, two, name=f"same name {one % 2}")
    return owner


@pytest.mark.parametrize(
    "sort", ["name", "-name", "created_at", "-created_at", "updated_at", "state", "-state"]
)
@pytest.mark.parametrize("limit", [1, 2, 4, 6, 200])
async def test_pages_have_every_connection_once_and_in_order(many: Owner, sort: str, limit: int) -> None:
    pages = await walk(many.http, "/v1/connections", sort=sort, limit=limit)
    items = [item for page in pages for item in page]
    assert all(len(page) == limit for page in pages[:-1])
    assert len({item["id"] for item in items}) == len(items) == 6
    values = [item[sort.removeprefix("-")] for item in items]
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_what_is_created_meanwhile_breaks_no_page(many: Owner) -> None:
    first = (await many.http.get("/v1/connections", params={"limit": 3, "sort": "created_at"})).json()
    await connect(many, 0, 1, desired_state="PLANNED")
    rest = await many.http.get(
        "/v1/connections", params={"limit": 200, "sort": "created_at", "cursor": first["next"]}
    )
    ids = [item["id"] for item in first["items"] + rest.json()["items"]]
    assert len(set(ids)) == len(ids) == 7


@pytest.mark.parametrize("path", ["/v1/services", "/v1/providers", "/v1/resources", "/v1/audit"])
async def test_every_list_has_pages(many: Owner, path: str) -> None:
    whole = (await many.http.get(path, params={"limit": 200})).json()["items"]
    assert [item for page in await walk(many.http, path, limit=1) for item in page] == whole


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"state": "REQUESTED"}, 5),
        ({"state": ["REQUESTED", "DELETING"]}, 6),
        ({"state": "ESTABLISHED"}, 0),
        ({"health": "UNKNOWN"}, 6),
        ({"health": "UP"}, 0),
        ({"ctype": "AWS_PEERING"}, 0),
        ({"contains": "10.0.7.7"}, 3),
        ({"contains": "10.3.128.0/17"}, 3),
        ({"contains": "10.0.0.0/8"}, 0),
        ({"contains": "2001:db8::1"}, 0),
    ],
    ids=str,
)
async def test_connections_are_filtered(many: Owner, query: dict[str, Any], count: int) -> None:
    deleted = await connect(many, 0, 1, desired_state="PLANNED")
    assert (await many.http.delete(f"/v1/connections/{deleted['id']}")).status_code == 202
    (first, *_) = (await many.http.get("/v1/connections", params={"sort": "created_at"})).json()["items"]
    await many.http.delete(f"/v1/connections/{first['id']}")
    found = (await many.http.get("/v1/connections", params=query)).json()["items"]
    assert len([item for item in found if item["id"] != deleted["id"]]) == count


async def test_connections_are_found_by_service_and_resource(many: Owner, right: Owner) -> None:
    sides = {"resource_left": many.resources[0], "resource_right": right.resources[0]}
    shared = (await many.http.post("/v1/connections", json=sides)).json()["id"]
    for query in ({"service": right.service}, {"resource": right.resources[0]}):
        found = (await many.http.get("/v1/connections", params=query)).json()["items"]
        assert [item["id"] for item in found] == [shared]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"contains": "10.2.3.4"}, ["AWS\\vpc-2"]),
        ({"contains": "10.2.0.0/15"}, []),
        ({"state": "GONE"}, []),
        ({"state": "PRESENT", "limit": 2}, ["AWS\\vpc-0", "AWS\\vpc-1"]),
        ({"sort": "-name", "limit": 1}, ["AWS\\vpc-3"]),
    ],
    ids=str,
)
async def test_resources_are_filtered(many: Owner, query: dict[str, Any], names: list[str]) -> None:
    found = (await many.http.get("/v1/resources", params=query)).json()["items"]
    assert [item["name"] for item in found] == names


async def test_services_are_found_by_their_exact_name(many: Owner) -> None:
    await many.http.post("/v1/services", json={"name": "lena's other one"})
    found = (await many.http.get("/v1/services", params={"name": "lena's"})).json()["items"]
    assert [item["id"] for item in found] == [many.service]
