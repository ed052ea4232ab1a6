"""Each kind of finding: what brings it up, what explains it, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from onenet_common.connection import Direction, L4Filter, Protocol
from onenet_monitor.cleartext import DEFAULT, parse
from onenet_monitor.findings.filters import allows
from onenet_monitor.findings.finding import Finding, Kind
from onenet_monitor.findings.lifecycle import changes
from onenet_monitor.findings.picture import Edge, Network, Path, Picture
from onenet_monitor.findings.rules import IDLE, findings

NOW = datetime(2026, 11, 16, tzinfo=UTC)
ORDERS, BILLING = uuid4(), uuid4()
NETWORKS = {
    ORDERS: Network("orders", ("10.1.0.0/16",)),
    BILLING: Network("billing", ("10.2.0.0/16",)),
}
CONNECTION = uuid4()
PATH = Path(
    CONNECTION,
    "orders to billing",
    ORDERS,
    BILLING,
    NOW - timedelta(days=30),
    encrypted=False,
    bandwidth_mbps=1000,
    price_per_gb_usd=0.02,
    monthly_fixed_usd=0.0,
    monthly_gb=100.0,
    last_seen=NOW,
)
EDGE = Edge("connection", CONNECTION, ORDERS, BILLING, 6, 443, True, 5_000, 20, NOW)


def found(
    *edges: Edge,
    paths: Sequence[Path] = (PATH,),
    networks: dict[UUID, Network] = NETWORKS,
    observed: frozenset[UUID] = frozenset(NETWORKS),
) -> list[Finding]:
    return findings(Picture(NOW, 24, edges, paths, networks, observed), parse(DEFAULT))


def one(*edges: Edge, paths: Sequence[Path] = (PATH,)) -> Finding:
    (finding,) = found(*edges, paths=paths)
    return finding


def test_ordinary_traffic_over_a_connection_is_no_finding() -> None:
    assert found(EDGE) == []


def test_two_networks_that_talk_over_the_internet() -> None:
    detour = replace(EDGE, kind="internet", connection=None)
    back = replace(detour, client=BILLING, server=ORDERS, port=8443, bytes=1_000)
    finding = one(detour, back, paths=())
    assert finding.kind is Kind.DETOUR
    assert finding.summary == "billing and orders talk over the internet"
    assert finding.remedy.startswith("ask for a connection")
    assert finding.evidence["bytes"] == 6_000
    assert finding.evidence["ports"] == ["tcp/443", "tcp/8443"]
    assert finding.evidence["last_seen_hour"] == f"{EDGE.last_seen:%Y-%m-%dT%H:%M:%SZ}"
    assert set(finding.resources) == {ORDERS, BILLING}
    with_path = one(detour)
    assert "orders to billing is there" in with_path.remedy
    assert with_path.connection == CONNECTION
    assert with_path.id == finding.id, "one cause is one finding, whatever the remedy"


def test_no_detour_where_no_connection_could_carry_it() -> None:
    detour = replace(EDGE, kind="internet", connection=None)
    overlapping = NETWORKS | {BILLING: Network("billing", ("10.1.128.0/17",))}
    assert found(detour, paths=(), networks=overlapping) == []


def test_a_site_on_the_internet_is_no_detour() -> None:
    assert found(replace(EDGE, kind="internet", connection=None, server=None)) == []


def test_a_protocol_in_the_clear() -> None:
    finding = one(replace(EDGE, port=5432))
    assert finding.kind is Kind.CLEARTEXT
    assert finding.summary == "postgresql (tcp/5432) from orders to billing is in the clear"
    assert finding.connection == CONNECTION


@pytest.mark.parametrize("encrypted", [True, None])
def test_nothing_is_in_the_clear_on_a_path_that_is_encrypted_or_that_nobody_knows(
    encrypted: bool | None,
) -> None:
    assert found(replace(EDGE, port=80), paths=[replace(PATH, encrypted=encrypted)]) == []


def test_what_goes_to_the_internet_in_the_clear_concerns_its_owner() -> None:
    finding = one(replace(EDGE, kind="internet", connection=None, server=None, port=23))
    assert finding.summary == "telnet (tcp/23) from orders to the internet is in the clear"
    assert finding.resources == (ORDERS,)


def test_what_is_refused_in_the_clear_was_not_read_by_anybody() -> None:
    refused = replace(EDGE, kind="internet", connection=None, server=None, port=23, accepted=False)
    assert found(refused) == []


def refused(*filters: L4Filter, paths: bool = True) -> str:
    edge = replace(EDGE, port=9999, accepted=False)
    finding = one(edge, paths=[replace(PATH, l4filters=filters)] if paths else [])
    assert finding.kind is Kind.REFUSED
    assert finding.summary == "tcp/9999 from orders to billing is refused"
    return finding.remedy


def test_what_explains_a_refusal() -> None:
    assert refused(paths=False).startswith("no connection joins the two")
    https = L4Filter(protocol=Protocol.TCP, from_port=443, to_port=443)
    assert "do not include tcp/9999" in refused(https)
    other_way = L4Filter(protocol=Protocol.TCP, direction=Direction.RIGHT_TO_LEFT)
    assert "do not include tcp/9999" in refused(other_way)
    assert "do not include tcp/9999" in refused(L4Filter(protocol=Protocol.UDP))
    assert "security groups" in refused()
    assert "security groups" in refused(https, L4Filter(protocol=Protocol.TCP, from_port=9000, to_port=9999))


def test_a_slip_and_a_scan_from_outside_are_no_refusals() -> None:
    edge = replace(EDGE, accepted=False)
    assert found(replace(edge, flows=9)) == []
    assert found(replace(edge, kind="internet", client=None, connection=None, flows=10_000)) == []


def test_a_connection_that_nobody_uses() -> None:
    quiet = replace(PATH, last_seen=NOW - IDLE, monthly_fixed_usd=36.5)
    finding = one(paths=[quiet])
    assert finding.kind is Kind.IDLE
    assert finding.evidence["monthly_fixed_usd"] == 36.5
    assert finding.evidence["quiet_since"] == f"{NOW - IDLE:%Y-%m-%dT%H:%M:%SZ}"
    assert found(paths=[replace(quiet, last_seen=NOW - IDLE + timedelta(hours=1))]) == []


def test_a_connection_that_was_never_used_has_its_time_first() -> None:
    young = replace(PATH, last_seen=None, since=NOW - IDLE + timedelta(hours=1))
    assert found(paths=[young]) == []
    assert one(paths=[replace(young, since=NOW - IDLE)]).kind is Kind.IDLE
    again = replace(PATH, last_seen=NOW - 9 * IDLE, since=NOW - timedelta(hours=1))
    assert found(paths=[again]) == [], "established anew an hour ago"


def test_silence_means_nothing_where_nobody_listens() -> None:
    quiet = replace(PATH, last_seen=None)
    assert found(paths=[quiet], observed=frozenset({uuid4()})) == []


def test_a_path_that_is_nearly_full() -> None:
    full = int(800e6 / 8 * 60)
    finding = one(paths=[replace(PATH, busiest_minute_bytes=full)])
    assert finding.kind is Kind.NEAR_LIMIT
    assert finding.evidence == {"busiest_minute_mbps": 800.0, "bandwidth_mbps": 1000}
    assert found(paths=[replace(PATH, busiest_minute_bytes=full - 10)]) == []


def test_traffic_that_costs_more_than_estimated() -> None:
    # 100 GB at 0.02 USD are 2 USD; a fifth more and a dollar more are let pass.
    assert found(paths=[replace(PATH, bytes_this_month=149 * 10**9)]) == []
    finding = one(paths=[replace(PATH, bytes_this_month=151 * 10**9)])
    assert finding.kind is Kind.COST
    assert (finding.evidence["so_far_usd"], finding.evidence["estimated_usd"]) == (3.02, 2.0)
    assert found(paths=[replace(PATH, price_per_gb_usd=None, bytes_this_month=10**15)]) == []


def test_a_fixed_price_counts_by_the_share_of_the_month() -> None:
    fixed = replace(PATH, monthly_fixed_usd=100.0, monthly_gb=0.0)
    # Half of November is over: 50 USD of the 100 that were estimated.
    assert found(paths=[replace(fixed, bytes_this_month=3_499 * 10**9)]) == []
    assert one(paths=[replace(fixed, bytes_this_month=3_501 * 10**9)]).evidence["so_far_usd"] == 120.02


def test_what_is_open_stays_until_its_cause_is_gone() -> None:
    first, second = one(replace(EDGE, port=80)), one(replace(EDGE, port=23))
    assert changes([], {first.id: first}).opened == (first,)
    again = changes([first.id, second.id], {first.id: first})
    assert (again.opened, again.confirmed, again.closed) == ((), (first,), (second.id,))


@pytest.mark.parametrize("entry", ["80=http", "tcp/0=nothing", "tcp/65536=more", "icmp/8=ping", "tcp/80"])
def test_a_list_of_protocols_that_is_wrong_names_what_is(entry: str) -> None:
    with pytest.raises(ValueError, match=f"'{entry}' is no protocol in the clear; write tcp/80=http"):
        parse(f"tcp/23=telnet {entry}")


def test_what_a_filter_stopped_on_its_way_over_the_internet_is_no_detour() -> None:
    stopped = replace(EDGE, kind="internet", connection=None, accepted=False, flows=9)
    assert found(stopped, paths=()) == []


def test_ten_refusals_are_no_slip_any_more() -> None:
    stopped = replace(EDGE, port=9999, accepted=False)
    assert found(replace(stopped, flows=9)) == []
    assert one(replace(stopped, flows=10)).kind is Kind.REFUSED


def test_it_is_enough_for_silence_that_one_side_is_listened_to() -> None:
    (finding,) = found(paths=[replace(PATH, last_seen=None)], observed=frozenset({ORDERS}))
    assert finding.kind is Kind.IDLE


def test_the_busiest_ports_alone_are_evidence() -> None:
    detours = [
        replace(EDGE, kind="internet", connection=None, port=10_000 + number, bytes=number)
        for number in range(12)
    ]
    shown = one(*detours, paths=()).evidence["ports"]
    assert shown == [f"tcp/{10_000 + number}" for number in range(11, 1, -1)]


def test_the_same_protocol_over_two_connections_is_two_findings_for_both_owners() -> None:
    other = replace(PATH, id=uuid4())
    bare = replace(EDGE, port=80)
    first, second = found(bare, replace(bare, connection=other.id), paths=[PATH, other])
    assert first.id != second.id
    assert first.resources == second.resources == (ORDERS, BILLING)


@pytest.mark.parametrize(("port", "included"), [(999, False), (1000, True), (2000, True), (2001, False)])
def test_a_filter_includes_both_ends_of_its_ports(port: int, included: bool) -> None:
    ports = L4Filter(protocol=Protocol.TCP, from_port=1000, to_port=2000)
    assert allows([ports], 6, port, from_left=True) is included


@pytest.mark.parametrize(("protocol", "included"), [(1, True), (58, True), (6, False)])
def test_icmp_is_that_of_both_versions(protocol: int, included: bool) -> None:
    assert allows([L4Filter(protocol=Protocol.ICMP)], protocol, 0, from_left=True) is included
