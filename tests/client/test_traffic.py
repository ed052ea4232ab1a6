"""``onenet traffic``, ``top`` and ``deps``, against the fake API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from fastapi.responses import JSONResponse

from onenet_client.client import Client
from tests.client.conftest import Run
from tests.client.fake_api import NOW, FakeApi, Thing

LATER = "2026-11-23T11:00:00Z"
CONNECTION = "6f1d3c52-0000-4000-8000-000000000000"


def amount(flows: int, size: int) -> Thing:
    return {"bytes": size, "packets": flows, "flows": flows}


@pytest.fixture
def connection(api: FakeApi) -> Thing:
    """Between alice's orders and bob's billing."""
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    api.add_service("billing", "bob", vpcs=[("vpc-2", "10.1.0.0/16")])
    left, right = api.tables["resources"]
    return api.request_connection("alice", {"resource_left": left, "resource_right": right, "name": "pay"})


@pytest.fixture
def carried(api: FakeApi, connection: Thing) -> Thing:
    """What it carried."""
    api.traffic = {
        "since": NOW,
        "until": LATER,
        "last_seen": NOW,
        "points": [
            {
                "since": NOW,
                "left_to_right": amount(3, 1_500),
                "right_to_left": amount(4, 2_500_000),
                "refused": amount(5, 40),
            }
        ],
        "ports": [
            {"protocol": 6, "port": 443, **amount(7, 2_501_500)},
            {"protocol": 1, "port": 0, "refused": True, **amount(5, 40)},
            {"protocol": 200, "port": 0, **amount(1, 1)},
        ],
    }
    return connection


def test_traffic_is_shown_by_time_and_by_port(onenet: Run, carried: Thing) -> None:
    shown = onenet("traffic", "pay", "-o", "wide").out
    for words in ("1.5 kB", "2.5 MB", "tcp/443", "icmp", "protocol 200"):
        assert words in shown
    [point] = [line.split() for line in shown.splitlines() if "1.5 kB" in line]
    assert point[-3:] == ["7", "5", "7"]
    [refused] = [line.split() for line in shown.splitlines() if line.startswith("icmp")]
    assert refused == ["icmp", "40", "B", "5", "yes", "5"]


def test_traffic_as_json_is_what_the_api_told_of_what_was_asked(
    onenet: Run, api: FakeApi, carried: Thing
) -> None:
    told = json.loads(onenet("traffic", carried["id"], "--step", "minute", "--since", "2h", "-o", "json").out)
    assert (told["connection"], told["step"]) == (carried["id"], "minute")
    assert told["points"][0]["right_to_left"] == amount(4, 2_500_000)
    asked = datetime.fromisoformat(api.requests[-1].query_params["since"])
    assert timedelta(hours=2) <= datetime.now(UTC) - asked < timedelta(hours=2, minutes=5)
    onenet("traffic", "pay", "--since", "2026-11-01T00:00Z", "--until", "2026-11-08T00:00Z")
    sent = api.requests[-1].query_params
    assert (sent["since"], sent["until"]) == ("2026-11-01T00:00:00+00:00", "2026-11-08T00:00:00+00:00")
    assert yaml.safe_load(onenet("traffic", "pay", "-o", "yaml").out)["ports"][0]["port"] == 443


def test_a_connection_that_carried_nothing_says_when_it_was_used_last(
    onenet: Run, api: FakeApi, connection: Thing
) -> None:
    api.traffic = {"since": NOW, "until": LATER}
    nothing = onenet("traffic", "pay")
    assert (nothing.code, nothing.out) == (0, "")
    assert "seen last: never" in nothing.err


def test_why_there_is_no_traffic_to_show_is_said(onenet: Run, api: FakeApi, connection: Thing) -> None:
    wrong: dict[str, Any] = {
        "status": 422,
        "detail": "wrong",
        "errors": [{"field": "step", "message": "hour or day"}],
    }
    away: dict[str, Any] = {"status": 503, "detail": "no views here"}
    path = f"/v1/connections/{connection['id']}/traffic"
    for code, problem, words in ((2, wrong, "step: hour or day"), (6, away, "no views here")):
        problem = {"type": "about:blank", **problem}
        headers = {"Retry-After": "300"} if code == 6 else {}
        media = "application/problem+json"
        api.away[path] = JSONResponse(problem, problem["status"], headers, media_type=media)
        ended = onenet("traffic", "pay", "--step", "week")
        assert ended.code == code
        assert words in ended.err
    assert onenet("traffic", "nobody").code == 4


def test_top_shows_the_busiest_once_and_ends(onenet: Run, api: FakeApi) -> None:
    api.busiest = [
        {
            "connection": CONNECTION,
            "name": "pay \x1b[31m[red]",
            "state": "ESTABLISHED",
            "health": "UP",
            "left_to_right": amount(1, 999),
            "right_to_left": amount(2, 12_345_678_901),
            "refused": amount(3, 1),
        }
    ]
    for arguments in (["--once"], []):  # without a terminal it ends by itself
        shown = onenet("top", "--minutes", "60", "--limit", "5", *arguments)
        assert shown.code == 0
        [line] = [line for line in shown.out.splitlines() if line.startswith(CONNECTION)]
        assert line.split()[-7:] == ["999", "B", "12.3", "GB", "3", "3", "UP"]
        assert "[red]" in line
        assert "\x1b" not in shown.out
    assert dict(api.requests[-1].query_params) == {"minutes": "60", "limit": "5"}
    told = json.loads(onenet("top", "-o", "json").out)
    assert [one["right_to_left"]["flows"] for one in told["items"]] == [2]


def test_top_of_nothing_is_a_head_without_lines(onenet: Run) -> None:
    shown = onenet("top", "--once").out.splitlines()
    assert [line.split()[0] for line in shown if line.split()] == ["2026-11-23", "ID"]


def resource(api: FakeApi, native: str) -> str:
    [found] = [one["id"] for one in api.tables["resources"].values() if one["native_id"] == native]
    return str(found)


def add_edge(api: FakeApi, client: str | None, server: str | None, port: int, **other: Any) -> None:
    """A dependency between networks called by their native ids; None is the internet."""
    edge = {
        "id": f"e0000000-0000-4000-8000-{len(api.edges):012}",
        "client": client and resource(api, client),
        "server": server and resource(api, server),
        "carried_by": "connection",
        "connection": CONNECTION,
        "protocol": 6,
        "port": port,
        "first_seen": NOW,
        "last_seen": LATER,
        **amount(1, 1_000),
    }
    api.edges.append(edge | other)


@pytest.fixture
def graph(api: FakeApi) -> None:
    """Orders calls billing over a connection, and the internet; somebody calls a service of an odd name."""
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    api.add_service("billing", "bob", vpcs=[("vpc-2", "10.1.0.0/16"), ("vpc-3", "10.2.0.0/16")])
    api.add_service('od"d #1 [x]\n\\', "carol", vpcs=[("vpc-4", "10.3.0.0/16")])
    add_edge(api, "vpc-1", "vpc-2", 443, bytes=5_000_000)
    add_edge(api, "vpc-1", "vpc-3", 53, protocol=17)
    over = {"connection": None, "carried_by": "internet"}
    add_edge(api, "vpc-1", None, 443, **over)
    add_edge(api, "vpc-2", "vpc-4", 80, **over | {"carried_by": "other"})


@pytest.mark.usefixtures("graph")
def test_the_tree_has_a_branch_for_each_server_and_way(onenet: Run) -> None:
    lines = onenet("deps").out.splitlines()
    assert lines == [
        "billing",
        "└── od\"d #1 [x] \\  tcp/80 over no connection of OneNet's  1.0 kB",
        "orders",
        "├── billing  tcp/443, udp/53 over connection 6f1d3c52  5.0 MB",
        "└── the internet  tcp/443 over the internet  1.0 kB",
    ]


@pytest.mark.usefixtures("graph")
def test_a_table_says_when_it_was_seen(onenet: Run) -> None:
    row = onenet("deps", "-o", "table").out.splitlines()[1]
    assert row.startswith("orders")
    assert "tcp/443, udp/53" in row
    first, last = (datetime.fromisoformat(one).astimezone() for one in (NOW, LATER))
    assert row.split()[-4:] == f"{first:%Y-%m-%d %H:%M:%S} {last:%Y-%m-%d %H:%M:%S}".split()


@pytest.mark.usefixtures("graph")
def test_drawings_escape_what_others_wrote(onenet: Run) -> None:
    drawn = onenet("deps", "-o", "dot").out
    assert drawn.startswith("digraph dependencies {\n")
    assert drawn.endswith("}\n")
    assert '"od\\"d #1 [x] \\\\";' in drawn
    assert '"orders" -> "billing" [label="tcp/443, udp/53 over connection 6f1d3c52"];' in drawn
    drawn = onenet("deps", "-o", "mermaid").out
    assert drawn.startswith("flowchart LR\n")
    assert '["od#quot;d #35;1 [x] \\"]' in drawn
    assert '  n0 -->|"tcp/443, udp/53 over connection 6f1d3c52"| n1' in drawn


@pytest.mark.usefixtures("graph")
def test_json_and_yaml_are_the_graph_itself(onenet: Run, api: FakeApi) -> None:
    told = json.loads(onenet("deps", "-o", "json").out)
    assert set(told) == {"nodes", "edges"}
    assert {one["service_name"] for one in told["nodes"]} >= {"orders", "billing"}
    assert [one["port"] for one in told["edges"]] == [443, 53, 443, 80]
    assert yaml.safe_load(onenet("deps", "-o", "yaml").out) == told


@pytest.mark.usefixtures("graph")
def test_a_service_and_a_way_are_asked_for_by_name(onenet: Run, api: FakeApi) -> None:
    onenet("deps", "billing", "--over", "other")
    asked = api.requests[-1].query_params
    [billing] = [one["id"] for one in api.tables["services"].values() if one["name"] == "billing"]
    assert (asked["service"], asked["carried_by"]) == (billing, "other")
    unknown = onenet("deps", "bilking")
    assert unknown.code == 4
    assert "no service 'bilking'" in unknown.err


@pytest.mark.parametrize("form", ["tree", "table", "dot", "mermaid"])
def test_an_empty_map_says_what_is_needed(onenet: Run, form: str) -> None:
    nothing = onenet("deps", "-o", form)
    assert nothing.code == 0
    assert "flow logs of your networks are needed" in nothing.err


def test_a_label_names_the_busiest_ports_and_counts_the_others(onenet: Run, api: FakeApi) -> None:
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    for port in range(1, 10):
        add_edge(api, "vpc-1", "vpc-1", port, bytes=port)
    assert "tcp/9, tcp/8, tcp/7, tcp/6, tcp/5, tcp/4 and 3 more over" in onenet("deps").out


def test_a_network_that_the_api_forgot_keeps_its_id(onenet: Run, api: FakeApi) -> None:
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    gone = resource(api, "vpc-1")
    add_edge(api, "vpc-1", None, 443)
    del api.tables["resources"][gone]
    assert onenet("deps").out.splitlines()[0] == gone


async def test_the_library_reads_a_graph_of_many_pages_as_one(api: FakeApi) -> None:
    api.add_service("orders", "alice", vpcs=[("vpc-1", "10.0.0.0/16")])
    for port in range(1, 8):
        add_edge(api, "vpc-1", None, port)
    api.largest = 3
    async with Client(api.url, "alice") as client:
        graph = await client.traffic.dependencies()
    assert [edge.port for edge in graph.edges] == list(range(1, 8))
    assert len(graph.nodes) == 1
    assert len(api.sent("GET")) == 3
