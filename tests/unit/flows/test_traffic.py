"""The traffic generator: what it writes in each format is read as what it made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.exchanges import Exchange, ways
from onenet_local.traffic.generator import DAY, HOUR, NONE, Anomalies, Traffic, activity
from onenet_local.traffic.networks import HOSTS, Network
from onenet_monitor.flows.formats import Reading, read
from tests.samples import NOW

NETWORKS = (
    Network("vpc-web", "111111111111", "10.1.0.0/16"),
    Network("vpc-shop", "222222222222", "10.2.0.0/24"),
    Network("vpc-new", "333333333333", "2001:db8:1::/64"),
    Network("vpc-old", "333333333333", "2001:db8:2::/64"),
)
LINKS = ((0, 1), (2, 3))
BEGIN = int(NOW.timestamp()) - 60
AZURE = "/subscriptions/{}/resourceGroups/onenet/providers/Microsoft.Network/virtualNetworks/{}"

Record = dict[str, Any]


def records(exchanges: Iterable[Exchange]) -> list[Record]:
    """What was made up, as canonical records."""
    return [
        {
            "start": x.start,
            "end": x.end,
            "network": x.network,
            "account": x.account,
            "src": w.src,
            "dst": w.dst,
            "src_port": w.src_port,
            "dst_port": w.dst_port,
            "protocol": x.protocol,
            "packets": w.packets,
            "bytes": w.bytes,
            "flows": 1,
            "accepted": x.accepted,
            "egress": w.egress,
        }
        for x in exchanges
        for w in ways(x)
    ]


def aws_2(record: Record) -> Record:
    return {**record, "network": None, "egress": None}


def azure(record: Record) -> Record:
    counters = {} if record["accepted"] else {"packets": 0, "bytes": 0}
    network = AZURE.format(record["account"], record["network"])
    return {**record, "end": record["start"], "network": network, **counters}


def gcp(record: Record) -> Record | None:
    network = f"projects/{record['account']}/global/networks/{record['network']}"
    return {**record, "network": network} if record["accepted"] else None


def pmacct(record: Record) -> Record:
    return {**record, "account": None, "accepted": True, "egress": None}


TOLD: dict[str, Callable[[Record], Record | None]] = {
    "aws": lambda record: record,
    "aws-2": aws_2,
    "azure": azure,
    "gcp": gcp,
    "pmacct": pmacct,
}
"""What of a record a format can tell."""


def read_back(reading: Reading) -> Counter[tuple[tuple[str, object], ...]]:
    rows = reading.frame.to_dicts()
    return counted({**row, **{one: int(row[one].timestamp()) for one in ("start", "end")}} for row in rows)


def counted(rows: Iterable[Record | None]) -> Counter[tuple[tuple[str, object], ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows if row is not None)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25)
@given(seed=st.integers(0, 1000), exchanges=st.integers(0, 60))
def test_what_is_written_is_read_as_what_was_made_up(name: str, seed: int, exchanges: int) -> None:
    made_up = Traffic(NETWORKS, LINKS, seed, replace(Anomalies(), broken=0)).window(BEGIN, 60, exchanges)
    reading = read(FORMATS[name](made_up), NOW)
    assert reading.refused == {}
    assert read_back(reading) == counted(TOLD[name](record) for record in records(made_up))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_what_cannot_be_is_refused_and_the_rest_of_it_read(name: str, seed: int) -> None:
    made_up = Traffic(NETWORKS, LINKS, seed, Anomalies(broken=0.2)).window(BEGIN, 60, 50)
    good = [x for x in made_up if possible(x)]
    reading = read(FORMATS[name](made_up), NOW)
    assert read_back(reading) >= counted(TOLD[name](record) for record in records(good))
    assert len(good) == len(made_up) or reading.refused.total() > 0 or name in ("gcp", "azure")
    assert reading.refused.keys() <= {"counter", "address", "port", "future"}


def possible(x: Exchange) -> bool:
    return x.bytes >= 0 and x.client != "10.0.0.999" and x.server_port < 65536 and x.start <= NOW.timestamp()


def test_the_same_seed_makes_the_same_traffic_and_another_one_another() -> None:
    first, again, other = (Traffic(NETWORKS, LINKS, seed).window(BEGIN, 60, 100) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_both_ends_of_a_link_see_what_it_carries() -> None:
    seen = Traffic(NETWORKS, LINKS[:1], 1, NONE).window(BEGIN, 60, 1000)
    by_observer = Counter(x.network for x in seen if x.server.startswith("10.2."))
    assert by_observer["vpc-web"] == pytest.approx(by_observer["vpc-shop"], abs=1)
    assert all(x.outgoing == (x.network == "vpc-web") for x in seen if x.server.startswith("10.2."))


def test_a_link_that_falls_silent_carries_nothing_from_then_on() -> None:
    traffic = Traffic(NETWORKS, LINKS, 1, replace(NONE, silent_from=BEGIN))
    before, after = (traffic.window(at, 60, 300) for at in (BEGIN - 60, BEGIN))
    assert any(x.client.startswith("10.1.") and x.server.startswith("10.2.") for x in before)
    assert not any(x.client.startswith("10.1.") and x.server.startswith("10.2.") for x in after)


@pytest.mark.parametrize(
    ("anomaly", "shows"),
    [
        (replace(NONE, cleartext=0.1), lambda x: x.server_port in (80, 23, 5432)),
        (replace(NONE, refused=0.1), lambda x: not x.accepted),
        (replace(NONE, internet=0.1), lambda x: x.server == NETWORKS[1].seen_as),
    ],
    ids=["cleartext", "refused", "internet"],
)
def test_each_anomaly_shows_when_it_is_wanted_and_not_otherwise(
    anomaly: Anomalies, shows: Callable[[Exchange], bool]
) -> None:
    with_it, without = (Traffic(NETWORKS, LINKS, 1, odd).window(BEGIN, 60, 1000) for odd in (anomaly, NONE))
    assert any(map(shows, with_it))
    assert not any(map(shows, without))


def test_hosts_are_within_their_network_however_small_it_is() -> None:
    assert [
        len(Network("a", "1", block).hosts) for block in ("10.0.0.0/16", "10.0.0.8/29", "10.0.0.1/32")
    ] == [
        HOSTS,
        1,
        1,
    ]


def test_nights_are_calmer_than_days() -> None:
    assert activity(DAY + 2 * HOUR) == pytest.approx(0.2)
    assert activity(DAY + 14 * HOUR) == pytest.approx(1.0)
    traffic = Traffic(NETWORKS, LINKS, 1, NONE, rhythm=True)
    assert len(traffic.window(DAY + 2 * HOUR, 60, 1000)) == pytest.approx(200, abs=2)


def test_a_network_without_a_field_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="account"):
        Network.of({"native_id": "vpc-1", "subnet": "10.0.0.0/16"})
