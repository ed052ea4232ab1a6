"""Every record goes to whom it belongs, as a slow and obvious reading of the inventory says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from onenet_monitor.flows import attribution, buckets
from onenet_monitor.flows.attribution import Index
from onenet_monitor.flows.inventory import Link, Network
from onenet_monitor.flows.special import SPECIAL
from tests.flow_records import START, frame, record

ROOT = UUID(int=7)
MINUTE = timedelta(minutes=1)
HALF = MINUTE / 2
Known = TypeVar("Known", Network, Link)


def network(name: str, *blocks: str, since: int = -60, until: int | None = None, **changes: Any) -> Network:
    """A network that is there from and until some minutes after ``START``."""
    return Network(
        **{
            "resource_id": uuid5(ROOT, name),
            "valid_from": START + since * MINUTE,
            "valid_until": None if until is None else START + until * MINUTE,
            "provider": ROOT,
            "account": "1",
            "native_id": name,
            "subnets": tuple(map(ip_network, blocks)),
            **changes,
        }
    )


def link(
    left: Network, right: Network, *, since: int = -60, until: int | None = None, name: str = ""
) -> Link:
    return Link(
        uuid5(ROOT, f"{left.native_id} {right.native_id} {name}"),
        START + since * MINUTE,
        None if until is None else START + until * MINUTE,
        left.resource_id,
        right.resource_id,
        "AWS_PEERING",
    )


def attributed(
    networks: list[Network], links: list[Link], *records: dict[str, Any]
) -> list[tuple[str | None, str | None, str | None, str, str, bool]]:
    index = Index(networks, links, START)
    found = index.name(index.place(frame(records)))
    columns = ("source", "target", "connection", "kind", "observer", "ambiguous")
    return list(found.select(columns).iter_rows())


WEB = network("web", "10.1.0.0/16", "2001:db8:1::/48")
SHOP = network("shop", "10.2.0.0/16", "10.9.0.0/24", "2001:db8:2::/48")
BACK = network("back", "10.2.4.0/24")
JOINED = link(WEB, SHOP)
ids = {one.native_id: str(one.resource_id) for one in (WEB, SHOP, BACK)}


def test_traffic_between_joined_networks_is_carried_by_their_connection_in_both_directions() -> None:
    there = record("10.1.0.7", "10.9.0.8", network="web")
    back = record("10.9.0.8", "10.1.0.7", network="shop")
    carried = str(JOINED.connection_id)
    assert attributed([WEB, SHOP], [JOINED], there, back) == [
        (ids["web"], ids["shop"], carried, "connection", "source", False),
        (ids["shop"], ids["web"], carried, "connection", "source", False),
    ]


def test_both_ends_are_told_apart_by_who_saw_it() -> None:
    seen = [record("10.1.0.7", "10.9.0.8", network=network) for network in ("web", "shop")]
    assert [one[4] for one in attributed([WEB, SHOP], [JOINED], *seen)] == ["source", "target"]


def test_what_no_address_tells_the_exporter_does() -> None:
    inside = [record("10.1.0.7", "10.1.0.8", network="web", egress=egress) for egress in (True, False)]
    assert [one[3:5] for one in attributed([WEB], [], *inside)] == [("other", "source"), ("other", "target")]


def test_the_longest_prefix_has_an_address() -> None:
    records = [
        record(address, "10.1.0.1") for address in ("10.2.3.255", "10.2.4.0", "10.2.4.255", "10.2.5.0")
    ]
    found = attributed([WEB, SHOP, BACK], [], *records)
    assert [one[0] for one in found] == [ids[name] for name in ("shop", "back", "back", "shop")]


def test_addresses_that_several_have_are_told_apart_by_who_observed_them() -> None:
    twins = [network(name, "172.31.0.0/16", account=name) for name in ("twin-1", "twin-2", "twin-3")]
    joined = link(WEB, twins[1])
    records = [
        record("10.1.0.1", "172.31.0.1", network="web"),
        record("172.31.0.1", "10.1.0.1", network="twin-2"),
        record("172.31.0.1", "172.31.0.2", network="twin-3"),
        record("10.9.0.1", "172.31.0.1", network="shop"),
        record("10.9.0.1", "172.31.0.1", network="nobody's"),
        record("10.9.0.1", "172.31.0.1"),
    ]
    found = attributed([WEB, SHOP, *twins], [joined], *records)
    one, two = (str(twins[place].resource_id) for place in (1, 2))
    assert [row[:2] for row in found[:3]] == [(ids["web"], one), (one, ids["web"]), (two, two)]
    assert [row[2] for row in found[:3]] == [str(joined.connection_id), str(joined.connection_id), None]
    assert [(row[1], row[3], row[5]) for row in found[3:]] == [(None, "unknown", True)] * 3


def test_networks_of_one_name_are_told_apart_by_account() -> None:
    ours = network("default", "10.128.0.0/20", resource_id=uuid5(ROOT, "a"), account="project-a")
    theirs = network("default", "10.128.0.0/20", resource_id=uuid5(ROOT, "b"), account="project-b")
    seen = [
        record("10.128.0.1", "10.128.0.2", network="default", account=one)
        for one in ("project-a", "project-b", "project-c")
    ]
    found = attributed([ours, theirs], [], *seen)
    assert [row[0] for row in found] == [str(ours.resource_id), str(theirs.resource_id), None]


def test_what_is_reachable_for_everybody_and_nobodys_here_is_the_internet() -> None:
    public = network("public", "198.18.5.0/24", "8.8.4.0/24")
    others = (
        "8.8.8.8",
        "2606:4700::1",
        "192.168.7.7",
        "10.77.0.1",
        "fd00::1",
        "fe80::1",
        "224.0.0.5",
        "100.64.0.1",
        "8.8.4.4",
    )
    records = [record("10.1.0.1", other, network="web") for other in others]
    assert [row[3] for row in attributed([WEB, public], [], *records)] == [
        *["internet"] * 2,
        *["unknown"] * 6,
        "other",
    ]
    assert attributed([WEB], [], record("8.8.8.8", "1.1.1.1"))[0][3] == "unknown"
    assert attributed([WEB], [], record("8.8.8.8", "10.1.0.1"))[0][:4] == (None, ids["web"], None, "internet")


def test_traffic_to_a_public_address_of_a_known_network_went_over_the_internet() -> None:
    shop = network("shop", "10.9.0.0/24", public_addresses=(ip_address("54.1.2.3"),))
    records = [
        record("10.1.0.1", "54.1.2.3", network="web"),
        record("54.1.2.3", "10.1.0.1", network="web"),
        record("54.1.2.4", "54.1.2.3"),
        record("10.1.0.1", "10.9.0.1", network="web"),
    ]
    found = attributed([WEB, shop], [link(WEB, shop)], *records)
    assert [row[:2] for row in found[:2]] == [(ids["web"], ids["shop"]), (ids["shop"], ids["web"])]
    assert [(row[2] is None, row[3]) for row in found] == [
        *[(True, "internet")] * 3,
        (False, "connection"),
    ]
    assert [row[4] for row in found[:2]] == ["source", "target"]


def test_a_change_counts_from_its_time_on_for_records_of_before_too() -> None:
    moved = [network("shop", "10.9.0.0/24", until=10), network("shop", "10.8.0.0/24", since=10)]
    gone = network("back", "10.9.0.0/24", since=20, until=30)
    joined = link(WEB, moved[0], since=5, until=15)
    whens = [("10.9.0.1", (1, 5, 9)), ("10.8.0.1", (9, 10, 15)), ("10.9.0.1", (20, 30))]
    at = [
        record("10.1.0.1", address, network="web", start=START + minute * MINUTE)
        for address, minutes in whens
        for minute in minutes
    ]
    found = attributed([WEB, *moved, gone], [joined], *at)
    assert [row[3] for row in found[:3]] == ["other", "connection", "connection"]
    assert [row[3] for row in found[3:6]] == ["unknown", "connection", "other"]
    assert [row[1] for row in found[6:]] == [str(gone.resource_id), None]
    for one, row in zip(at, found, strict=True):
        assert attributed([WEB, *moved, gone], [joined], one) == [row], "alone or with others, it is the same"


def test_what_ended_before_anybody_remembers_is_nobodys() -> None:
    days = 24 * 60
    gone = network("back", "10.9.0.0/24", since=-90 * days, until=-50 * days)
    assert [row[1] for row in attributed([WEB, gone], [], record("10.1.0.1", "10.9.0.1"))] == [None]


def test_of_two_connections_of_one_pair_the_first_carries_until_it_ends() -> None:
    first, second = link(WEB, SHOP, since=-9, until=5, name="a"), link(SHOP, WEB, since=0, name="b")
    at = [record("10.1.0.1", "10.9.0.1", start=START + minute * MINUTE) for minute in (1, 6)]
    found = attributed([WEB, SHOP], [second, first], *at)
    assert [row[2] for row in found] == [str(first.connection_id), str(second.connection_id)]


def test_nothing_known_and_nothing_to_do() -> None:
    assert attributed([], [], record("10.1.0.1", "8.8.8.8")) == [
        (None, None, None, "unknown", "source", False)
    ]
    assert attributed([WEB], []) == []


@dataclass(frozen=True)
class World:
    networks: list[Network]
    links: list[Link]


_BLOCKS = ("10.0.0.0/8", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "8.8.8.0/30", "10.0.0.3/32")
_BLOCKS6 = ("2001:db8::/32", "2001:db8::/127", "2001:db8::2/128", "2606:4700::/126", "::/0")
_ADDRESSES = [f"10.0.0.{last}" for last in range(5)] + ["8.8.8.1", "8.8.8.9", "192.168.0.1", "0.0.0.0"]
_ADDRESSES += ["255.255.255.255", "2001:db8::", "2001:db8::1", "2001:db8::2", "2606:4700::3", "::", "::1"]
_ADDRESSES += ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2606:4700::8"]
_SPANS = st.tuples(st.integers(-3, 6), st.none() | st.integers(-3, 6))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    networks: list[Network] = []
    for name in ("a", "b", "c", "d"):
        start = -9
        for _ in range(draw(st.integers(1, 2))):
            blocks = draw(st.lists(st.sampled_from(_BLOCKS + _BLOCKS6), min_size=1, max_size=3, unique=True))
            end = draw(st.none() | st.integers(start + 1, 7))
            networks.append(network(name, *blocks, since=start, until=end))
            if end is None or end > 3:
                break
            start = end + draw(st.integers(0, 2))
    links = []
    for place in range(draw(st.integers(0, 4))):
        left, right = draw(st.lists(st.sampled_from(networks), min_size=2, max_size=2))
        since, until = draw(_SPANS)
        if left.resource_id != right.resource_id and (until is None or until > since):
            links.append(link(left, right, since=since, until=until, name=str(place)))
    return World(networks, links)


_RECORDS = st.builds(
    lambda src, dst, seen, minute: record(src, dst, network=seen, start=START + minute * MINUTE),
    st.sampled_from(_ADDRESSES),
    st.sampled_from(_ADDRESSES),
    st.sampled_from(["a", "b", "c", "d", "e", None]),
    st.integers(-4, 7),
)


def _holds(one: Network | Link, at: datetime) -> bool:
    return one.valid_from <= at and (one.valid_until is None or at < one.valid_until)


def _best(networks: list[Network], address: IPv4Address | IPv6Address) -> set[UUID]:
    """Who has the longest prefix that has the address."""
    having = [
        (block.prefixlen, one.resource_id) for one in networks for block in one.subnets if address in block
    ]
    longest = max((length for length, _ in having), default=-1)
    return {resource for length, resource in having if length == longest}


def naive_end(world: World, text: str, seen: str | None, at: datetime) -> UUID | str:
    """The network's id, or ``internet``, ``nobody``, ``ambiguous``."""
    address = ip_address(text)
    there = [one for one in world.networks if _holds(one, at)]
    observer = {one.resource_id for one in world.networks if one.native_id == seen}
    joined = {
        other
        for one in world.links
        if _holds(one, at)
        for here, other in ((one.left, one.right), (one.right, one.left))
        if here in observer
    }
    for scope in (observer, joined, {one.resource_id for one in there}):
        if found := _best([one for one in there if one.resource_id in scope], address):
            return found.pop() if len(found) == 1 else "ambiguous"
    special = any(
        address in block for block in SPECIAL if block.version == address.version and block.prefixlen
    )
    if address.version == 6 and address not in ip_network("2000::/3"):
        return "nobody"
    return "nobody" if special else "internet"


def naive(world: World, one: dict[str, Any]) -> tuple[str | None, str | None, str | None, str]:
    at = one["start"]
    ends = [naive_end(world, one[end], one["network"], at) for end in ("src", "dst")]
    source, target = (str(end) if isinstance(end, UUID) else None for end in ends)
    joining = sorted(
        (link.valid_from, link.connection_id)
        for link in world.links
        if _holds(link, at) and {str(link.left), str(link.right)} == {source, target}
    )
    connection = str(joining[0][1]) if joining else None
    if connection:
        return source, target, connection, "connection"
    if source and target:
        return source, target, None, "other"
    return source, target, None, "internet" if (source or target) and "internet" in ends else "unknown"


@given(worlds(), st.lists(_RECORDS, min_size=1, max_size=12))
def test_as_the_obvious_reading_has_it(world: World, records: list[dict[str, Any]]) -> None:
    found = attributed(world.networks, world.links, *records)
    assert [row[:4] for row in found] == [naive(world, one) for one in records]


@given(
    worlds(), st.lists(st.lists(_RECORDS, max_size=6), min_size=2, max_size=4), st.sampled_from([0, 3, 99])
)
def test_what_was_looked_up_before_changes_nothing(
    world: World, batches: list[list[dict[str, Any]]], most: int
) -> None:
    """Whether it is remembered still, or too much was and so it is forgotten."""
    index = Index(world.networks, world.links, START)
    with patch.object(attribution, "MOST_KNOWN", most), patch.object(attribution, "MOST_NAMES", most):
        for records in batches:
            found = index.name(index.place(frame(records)))
            columns = ("source", "target", "connection", "kind")
            assert list(found.select(columns).iter_rows()) == [naive(world, one) for one in records]


def _later(known: list[Known]) -> list[Known]:
    """By half a minute."""
    return [
        replace(one, valid_from=one.valid_from + HALF, valid_until=one.valid_until and one.valid_until + HALF)
        for one in known
    ]


@given(worlds(), st.lists(_RECORDS, min_size=1, max_size=6))
def test_what_is_named_together_is_what_is_named_one_by_one(
    world: World, records: list[dict[str, Any]]
) -> None:
    """The inventory changes in the midst of a minute."""
    networks, links = _later(world.networks), _later(world.links)
    at = [one | {"start": one["start"] + late} for one in records for late in (timedelta(), HALF)]
    index = Index(networks, links, START)
    placed = index.place(frame(at))
    together = buckets.minutes([index.name(buckets.alike(placed))])
    alone = [index.name(buckets.alike(placed[row : row + 1])) for row in range(len(placed))]
    by_key = {row[:-3]: row[-3:] for row in buckets.minutes(alone).iter_rows()}
    assert {row[:-3]: row[-3:] for row in together.iter_rows()} == by_key
    assert together["flows"].sum() == len(at)
    for one, row in zip(at, alone, strict=True):
        [found] = row.select("source", "target", "connection", "kind").iter_rows()
        assert found == naive(World(networks, links), one)


def test_a_connection_that_begins_in_a_minute_carries_what_comes_after() -> None:
    [joined] = _later([link(WEB, SHOP, since=0)])
    at = [record("10.1.0.1", "10.9.0.1", network="web", start=START + late) for late in (timedelta(), HALF)]
    index = Index([WEB, SHOP], [joined], START)
    sums = buckets.minutes([index.name(buckets.alike(index.place(frame(at))))])
    assert set(sums.select("kind", "connection", "flows").iter_rows()) == {
        ("other", None, 1),
        ("connection", str(joined.connection_id), 1),
    }
