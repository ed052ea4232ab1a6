"""What the API shows of traffic and dependencies, held against its sums made the slow way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.api_scene import ADMIN, Owner, Scene
from tests.integration.monitor_scene import MonitorScene, Traffic
from tests.integration.varied_traffic import (
    COUNTING,
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    NOW,
    Counting,
    Joined,
    client,
    once,
    server,
    varied,
)

AMOUNTS = ("bytes", "packets", "flows")
STEPS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
WINDOWS = (
    (NOW - HOUR, NOW - 19 * MINUTE),
    (NOW - HOUR - MINUTE, NOW - HOUR),
    (NOW - DAY, NOW - HOUR - MINUTE),
    (MONTH, NOW),
    (MONTH - DAY, NOW - DAY + MINUTE),
)
"""What begins and what ends with a minute that has traffic."""

Sums = dict[str, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """Traffic over two connections of one owner to another's network, as it was counted."""

    left: Owner
    right: Owner
    strangers: tuple[Owner, ...]
    connections: tuple[Joined, ...]
    traffic: Sequence[Traffic]


@pytest.fixture(params=COUNTING, ids=lambda count: count.__name__)
async def counted(
    request: pytest.FixtureRequest, monitor: MonitorScene, scene: Scene, left: Owner, right: Owner
) -> Counted:
    stranger = await scene.owner("sven", {"vpc-8": ["10.8.0.0/16"], "vpc-9": ["10.9.0.0/16"]})
    connections = []
    for side in left.resources:
        asked = {"resource_left": side, "resource_right": right.resources[0]}
        answer = await left.http.post("/v1/connections", json=asked)
        connections.append(Joined(UUID(answer.json()["id"]), UUID(side), UUID(right.resources[0])))
    others = [UUID(one) for one in (*stranger.resources, left.resources[0])]
    traffic = varied(connections, others)
    counting: Counting = request.param
    await counting(monitor, traffic)
    return Counted(left, right, (stranger,), tuple(connections), traffic)


async def test_the_traffic_of_a_connection_is_what_adding_up_by_hand_comes_to(counted: Counted) -> None:
    for joined in counted.connections:
        path = f"/v1/connections/{joined.connection}/traffic"
        accepted = [one.at for one in counted.traffic if one.connection == joined.connection and one.accepted]
        for step, length in STEPS.items():
            for since, until in WINDOWS:
                if (until - since) / length > 1500:
                    continue
                query = {"step": step, "since": since.isoformat(), "until": until.isoformat()}
                answer = await counted.right.http.get(path, params=query)
                assert answer.status_code == 200, answer.text
                shown = answer.json()
                carried = within(counted.traffic, joined, length, since, until)
                assert points(shown["points"]) == points_of(carried, joined)
                assert shown["points"] == sorted(shown["points"], key=lambda point: point["since"])
                assert shown["ports"] == ports(carried)
                assert datetime.fromisoformat(shown["last_seen"]) == max(accepted)


async def test_the_map_of_dependencies_is_what_adding_up_by_hand_comes_to(
    counted: Counted, scene: Scene
) -> None:
    everything = list(edges(counted.traffic))
    (stranger,) = counted.strangers
    for owner in (counted.left, counted.right, stranger):
        networks = set(owner.resources)
        graph = (await owner.http.get("/v1/dependencies")).json()
        assert by_key(graph["edges"]) == by_key(one for one in everything if ends(one) & networks)
        assert {node["resource"] for node in graph["nodes"]} == {
            end for edge in graph["edges"] for end in ends(edge)
        }
        assert {node["resource"] for node in graph["nodes"] if node["owned"]} <= networks
    admin = scene.user(*ADMIN[:1], *ADMIN[1])
    narrowed: list[tuple[dict[str, str], Callable[[dict[str, Any]], bool]]] = [
        ({}, lambda edge: True),
        ({"resource": counted.left.resources[1]}, lambda edge: counted.left.resources[1] in ends(edge)),
        ({"service": counted.left.service}, lambda edge: bool(ends(edge) & set(counted.left.resources))),
        *(
            (
                {"connection": str(joined.connection)},
                lambda edge, one=str(joined.connection): edge["connection"] == one,
            )
            for joined in counted.connections
        ),
        *(
            ({"carried_by": kind}, lambda edge, kind=kind: edge["carried_by"] == kind)
            for kind in ("connection", "internet", "other")
        ),
    ]
    for query, wanted in narrowed:
        shown = (await admin.get("/v1/dependencies", params=query)).json()["edges"]
        assert by_key(shown) == by_key(filter(wanted, everything)), query
    for sort in ("last_seen", "first_seen"):
        for sign, descending in (("", False), ("-", True)):
            shown = (await admin.get("/v1/dependencies", params={"sort": sign + sort})).json()["edges"]
            times = [datetime.fromisoformat(edge[sort]) for edge in shown]
            assert times == sorted(times, reverse=descending)


def ends(edge: dict[str, Any]) -> set[str]:
    return {edge[end] for end in ("client", "server") if edge[end] is not None}


def by_key(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edges in one order, with their times as such, and without the ids, which are all different."""
    edges = list(found)
    assert len({edge.get("id", number) for number, edge in enumerate(edges)}) == len(edges)
    seen = ("first_seen", "last_seen")
    plain = [
        {
            name: datetime.fromisoformat(value) if name in seen else value
            for name, value in edge.items()
            if name != "id"
        }
        for edge in edges
    ]
    names = ("carried_by", "connection", "client", "server", "protocol", "port")
    return sorted(plain, key=lambda edge: [str(edge[name]) for name in names])


def edges(traffic: Sequence[Traffic]) -> Iterator[dict[str, Any]]:
    """What was let through; of each direction, what the end saw that saw more of it."""
    sums: dict[Any, list[Traffic]] = defaultdict(list)
    for one in traffic:
        if one.accepted and one.kind != "unknown":
            sums[one.kind, one.connection, client(one), server(one), one.protocol, one.port].append(one)
    for (kind, connection, asking, serving, protocol, port), seen in sums.items():
        yield {
            "client": text(asking),
            "server": text(serving),
            "carried_by": kind,
            "connection": text(connection),
            "protocol": protocol,
            "port": port,
            "first_seen": min(one.at for one in seen).isoformat(),
            "last_seen": max(one.at for one in seen).isoformat(),
            **{name: both_directions(seen, name) for name in AMOUNTS},
        }


def both_directions(seen: Sequence[Traffic], name: str) -> int:
    return sum(
        max(
            sum(getattr(one, name) for one in seen if (one.reply, one.observer) == (reply, observer))
            for observer in ("source", "target")
        )
        for reply in (False, True)
    )


def text(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None


def within(
    traffic: Sequence[Traffic], joined: Joined, step: timedelta, since: datetime, until: datetime
) -> list[Traffic]:
    """What a connection carried in the steps that begin before ``until`` and end after ``since``."""
    return [
        one
        for one in once(traffic, step)
        if one.connection == joined.connection and one.at > since - step and one.at < until
    ]


def points(shown: Iterable[dict[str, Any]]) -> dict[datetime, dict[str, Sums]]:
    return {
        datetime.fromisoformat(point["since"]): {
            part: point[part] for part in ("left_to_right", "right_to_left", "refused")
        }
        for point in shown
    }


def points_of(carried: Sequence[Traffic], joined: Joined) -> dict[datetime, dict[str, Sums]]:
    """By step and direction."""
    parts: dict[str, Callable[[Traffic], bool]] = {
        "left_to_right": lambda one: one.accepted and one.source == joined.left,
        "right_to_left": lambda one: one.accepted and one.source == joined.right,
        "refused": lambda one: not one.accepted,
    }
    return {
        since: {
            part: added(one for one in carried if one.at == since and belongs(one))
            for part, belongs in parts.items()
        }
        for since in {one.at for one in carried}
    }


def ports(carried: Sequence[Traffic]) -> list[dict[str, Any]]:
    """The busiest first."""
    sums: dict[Any, list[Traffic]] = defaultdict(list)
    for one in carried:
        sums[one.protocol, one.port, not one.accepted].append(one)
    shown = [
        {"protocol": protocol, "port": port, "refused": refused, **added(seen)}
        for (protocol, port, refused), seen in sums.items()
    ]
    return sorted(shown, key=lambda one: (-one["bytes"], one["protocol"], one["port"], one["refused"]))


def added(traffic: Iterable[Traffic]) -> Sums:
    every = list(traffic)
    return {name: sum(getattr(one, name) for one in every) for name in AMOUNTS}
