"""Flow logs in JSON: Azure, Google Cloud, pmacct; as documented, in any packing, with anything among them."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_monitor.flows.formats import Reading, Reason, Refusal, merged, objects, read, read_all
from onenet_monitor.flows.formats.tables import one_a_line
from tests.samples import NOW

SECOND = int(NOW.timestamp()) - 60
VNET = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
ENDED = f"{SECOND}123,10.0.0.6,52.239.184.180,23956,443,6,O,E,NX,3,767,2,1580"


def azure(*tuples: Any, **changes: Any) -> dict[str, Any]:
    flows = [{"aclID": "a", "flowGroups": [{"rule": "r", "flowTuples": list(tuples)}]}]
    return {
        "time": "2026-11-22T12:00:00Z",
        "macAddress": "00224871C205",
        "category": "FlowLogFlowEvent",
        "targetResourceID": VNET,
        "flowRecords": {"flows": flows},
        **changes,
    }


def gcp(**changes: Any) -> dict[str, Any]:
    connection = {
        "src_ip": "10.0.0.1",
        "src_port": 43350,
        "dest_ip": "10.1.0.2",
        "dest_port": 443,
        "protocol": 6,
    }
    payload = {
        "connection": connection,
        "reporter": "SRC",
        "bytes_sent": "520429",
        "packets_sent": "185",
        "start_time": "2026-11-22T11:59:30.776952635Z",
        "end_time": "2026-11-22T11:59:30.867049953Z",
        "src_vpc": {"project_id": "p", "vpc_name": "default", "subnetwork_name": "s"},
        "dest_vpc": {"project_id": "q", "vpc_name": "other"},
        **changes,
    }
    return {"insertId": "x", "jsonPayload": payload, "resource": {"labels": {"project_id": "host"}}}


def pmacct(**changes: Any) -> dict[str, Any]:
    return {
        "event_type": "purge",
        "label": "vpc-1",
        "ip_src": "10.0.0.1",
        "ip_dst": "10.1.0.2",
        "port_src": 43350,
        "port_dst": 443,
        "ip_proto": "tcp",
        "timestamp_start": f"{SECOND}.250000",
        "timestamp_end": f"{SECOND + 5}.000000",
        "packets": 185,
        "flows": 2,
        "bytes": 520429,
        **changes,
    }


def one(value: object) -> dict[str, Any]:
    reading = read(json.dumps(value).encode(), NOW)
    assert (reading.refused, reading.frame.height) == ({}, 1), reading.samples
    return reading.frame.to_dicts()[0]


def reasons(value: object) -> dict[Reason, int]:
    return dict(read(json.dumps(value).encode(), NOW).refused)


def test_an_azure_tuple_is_a_record_each_way() -> None:
    there, back = (
        read(json.dumps({"records": [azure(ENDED)]}).encode(), NOW)
        .frame.sort("src_port")
        .reverse()
        .to_dicts()
    )
    assert (there["src"], there["dst"], there["packets"], there["bytes"], there["egress"]) == (
        *("10.0.0.6", "52.239.184.180", 3, 767),
        True,
    )
    assert (back["src"], back["dst_port"], back["packets"], back["bytes"], back["egress"]) == (
        *("52.239.184.180", 23956, 2, 1580),
        False,
    )
    assert (there["network"], there["account"]) == (VNET, "s1")
    assert there["start"] == datetime.fromtimestamp(SECOND, UTC).replace(microsecond=123_000)


def test_an_azure_flow_that_begins_is_no_record_and_one_that_was_denied_is_one_refused() -> None:
    began = ENDED.replace(",E,", ",B,").replace("3,767,2,1580", ",,,")
    denied = ENDED.replace(",E,", ",D,").replace("3,767,2,1580", ",,,")
    reading = read(json.dumps({"records": [azure(began, denied)]}).encode(), NOW)
    (row,) = reading.frame.to_dicts()
    assert (dict(reading.skipped), dict(reading.refused)) == ({"begin": 1}, {})
    assert (row["accepted"], row["packets"], row["bytes"]) == (False, 0, 0)


def test_azure_seconds_are_read_as_well_as_milliseconds() -> None:
    row = one(azure(ENDED.replace(f"{SECOND}123", str(SECOND)).replace("2,1580", "0,0")))
    assert row["start"] == datetime.fromtimestamp(SECOND, UTC)


def test_a_target_that_is_a_subnet_stands_for_its_network() -> None:
    row = one(azure(ENDED.replace("2,1580", "0,0"), targetResourceID=f"{VNET}/subnets/web"))
    assert row["network"] == VNET


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ENDED.replace(",E,", ",Z,"), "action"),
        (ENDED.replace("1580", "-1"), "counter"),
        (ENDED.replace("2,1580", ","), "counter"),
        (ENDED.replace("10.0.0.6", "10.0.0"), "address"),
        (ENDED.replace("443", "66000"), "port"),
        (f"{ENDED},1", "fields"),
        (ENDED.replace(str(SECOND), str(SECOND + 3600)), "future"),
        (5, "fields"),
    ],
)
def test_a_bad_azure_tuple_is_refused_once_and_the_others_are_read(text: object, reason: str) -> None:
    reading = read(json.dumps({"records": [azure(ENDED, text, ENDED)]}).encode(), NOW)
    assert (reading.frame.height, dict(reading.refused)) == (4, {reason: 1})


@pytest.mark.parametrize(
    "record", [{}, [], "x", {"flowRecords": {"flows": [{"flowGroups": [{"flowTuples": 1}]}]}}]
)
def test_a_bad_azure_record_costs_that_record(record: object) -> None:
    value = json.dumps({"records": [azure(ENDED), record, azure(ENDED)]}).encode()
    reading = read(value, NOW)
    assert reading.frame.height == 4
    assert reading.refused.total() >= (record != [])


@pytest.mark.parametrize(
    ("reporter", "network", "account", "egress"),
    [
        ("SRC", "projects/p/global/networks/default", "p", True),
        ("DEST", "projects/q/global/networks/other", "q", False),
        ("SRC_GATEWAY", "projects/g/global/networks/vpn", "g", None),
        ("DEST_GATEWAY", None, "host", None),
    ],
)
def test_whose_network_a_google_record_is_depends_on_who_reports(
    reporter: str, network: str | None, account: str, egress: bool | None
) -> None:
    row = one(gcp(reporter=reporter, src_gateway={"vpc": {"project_id": "g", "vpc_name": "vpn"}}))
    assert (row["network"], row["account"], row["egress"]) == (network, account, egress)


def test_google_counters_are_text_and_times_have_nanoseconds() -> None:
    row = one(gcp())
    assert (row["bytes"], row["packets"], row["dst_port"]) == (520429, 185, 443)
    assert row["start"] == datetime(2026, 11, 22, 11, 59, 30, 776952, tzinfo=UTC)


def test_a_record_that_ends_before_it_starts_ends_when_it_starts() -> None:
    row = one(gcp(end_time="2026-11-22T11:59:25Z"))
    assert row["end"] == row["start"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bytes_sent": "-1"}, "counter"),
        ({"bytes_sent": 1.5}, "counter"),
        ({"packets_sent": "9" * 30}, "counter"),
        ({"connection": {"src_ip": ["10.0.0.1"], "dest_ip": "10.0.0.2", "protocol": 6}}, "address"),
        ({"connection": "10.0.0.1"}, "fields"),
        ({"start_time": "yesterday", "end_time": None}, "time"),
        ({"start_time": "2026-11-22T13:00:00+00:00"}, "future"),
        ({"src_vpc": {"project_id": "p", "vpc_name": "v\0"}}, "name"),
    ],
)
def test_what_is_wrong_with_a_google_record_is_told(changes: dict[str, Any], reason: str) -> None:
    assert reasons(gcp(**changes)) == {reason: 1}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ip_proto": "17"}, {"protocol": 17}),
        ({"ip_proto": 6}, {"protocol": 6}),
        ({"ip_proto": "ipv6-icmp"}, {"protocol": 58}),
        ({"label": {"node_id": "a", "vpc": "b"}}, {"network": '{"node_id": "a", "vpc": "b"}'}),
        ({"label": "", "tag": 0, "vxlan": 77}, {"network": "77"}),
        ({"label": "", "tag": 12}, {"network": "12"}),
        ({"ip_src": "2001:DB8::0:1"}, {"src": "2001:db8::1"}),
        (
            {"timestamp_start": "2026-11-22 11:58:00.5"},
            {"start": datetime(2026, 11, 22, 11, 58, 0, 500000, UTC)},
        ),
        (
            {"timestamp_start": "2026-11-22T13:58:00+02:00"},
            {"start": datetime(2026, 11, 22, 11, 58, tzinfo=UTC)},
        ),
        (
            {"timestamp_start": None, "timestamp_end": None, "stamp_inserted": str(SECOND)},
            {"start": datetime.fromtimestamp(SECOND, UTC), "end": datetime.fromtimestamp(SECOND, UTC)},
        ),
        (
            {"timestamp_end": "1970-01-01 00:00:00.000000"},
            {"end": datetime.fromtimestamp(SECOND + 0.25, UTC)},
        ),
    ],
)
def test_pmacct_as_its_settings_have_it(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    row = one(pmacct(**changes))
    assert {name: row[name] for name in expected} == expected


def test_a_time_that_pmacct_did_not_set_is_not_1970() -> None:
    row = one(pmacct(timestamp_start="1970-01-01 00:00:00.000000", stamp_inserted=str(SECOND)))
    assert row["start"] == datetime.fromtimestamp(SECOND, UTC)


def test_a_pmacct_writers_marks_are_neither_records_nor_mistakes() -> None:
    marks = [
        {"event_type": "purge_init", "writer_id": "x/1"},
        {"event_type": "purge_close", "writer_id": "x/1"},
    ]
    reading = read("\n".join(json.dumps(v) for v in (marks[0], pmacct(), marks[1])).encode(), NOW)
    assert (reading.frame.height, dict(reading.skipped), dict(reading.refused)) == (1, {"marker": 2}, {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_type": "log_init"}, "fields"),
        ({"ip_proto": "nonsense"}, "protocol"),
        ({"packets": None}, "counter"),
        ({"flows": -1}, "counter"),
        ({"timestamp_start": None}, "time"),
        ({"ip_dst": None}, "address"),
    ],
)
def test_what_is_wrong_with_a_pmacct_object_is_told(changes: dict[str, Any], reason: str) -> None:
    assert reasons(pmacct(**changes)) == {reason: 1}


Pack = Callable[[list[Any]], bytes]
PACKINGS: dict[str, Pack] = {
    "lines": lambda values: "\n".join(json.dumps(v) for v in values).encode(),
    "array": lambda values: json.dumps(values).encode(),
    "indented": lambda values: json.dumps(values, indent=2).encode(),
    "records": lambda values: json.dumps({"records": values}).encode(),
    "late records": lambda values: json.dumps({"category": "x", "records": values}).encode(),
    "together": lambda values: "".join(json.dumps(v) for v in values).encode(),
    "gzip": lambda values: gzip.compress(json.dumps(values).encode()),
}


@pytest.mark.parametrize(
    ("packing", "make"),
    [
        (packing, make)
        for packing in PACKINGS
        for make in (gcp, pmacct, lambda: azure(ENDED))
        if "records" not in packing or make not in (gcp, pmacct)
    ],
)
def test_records_are_found_however_they_are_packed(packing: str, make: Callable[[], Any]) -> None:
    reading = read(PACKINGS[packing]([make(), make(), make()]), NOW)
    assert (reading.frame.height % 3, reading.frame.height > 0, dict(reading.refused)) == (0, True, {})


JUNK = [
    "{",
    "}",
    "nul",
    "[1]",
    "5",
    '{"a": }',
    '"x"',
    "\\",
    "{}",
    '{"jsonPayload": [], "ip_src": {}}',
    "é\0",
    "  ",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["good", *JUNK]), max_size=12), st.sampled_from([gcp, pmacct]))
def test_junk_between_lines_costs_itself_alone(kinds: list[str], make: Callable[[], dict[str, Any]]) -> None:
    lines = [json.dumps(make()) if kind == "good" else kind for kind in kinds]
    reading = read("\n".join([json.dumps(make()), *lines]).encode(), NOW)
    junk = sum(1 for kind in kinds if kind != "good" and kind.strip())
    assert (reading.frame.height, reading.refused.total()) == (1 + kinds.count("good"), junk)


@settings(max_examples=40)
@given(st.integers(1, 5), st.data())
def test_a_json_text_that_breaks_off_gives_what_was_complete(count: int, data: st.DataObject) -> None:
    whole = json.dumps({"records": [azure(ENDED)] * count}).encode()
    size = data.draw(st.integers(200, len(whole)))
    complete = json.dumps({"records": [azure(ENDED)]}).encode()
    step = len(json.dumps(azure(ENDED))) + 2
    fits = (size - len(complete) + 2) // step + 1 if size >= len(complete) - 2 else 0
    reading = read(whole[:size], NOW)
    assert reading.frame.height == 2 * min(count, fits)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["aws", "gcp", "pmacct", "azure", "junk", "gzip", "header"]), max_size=8))
def test_a_batch_of_different_messages_comes_to_the_same_as_each_alone(kinds: list[str]) -> None:
    aws = f"srcaddr dstaddr start\n10.0.0.1 10.0.0.2 {SECOND}\n".encode()
    values = {
        "aws": aws,
        "gcp": json.dumps(gcp()).encode(),
        "pmacct": json.dumps(pmacct()).encode() + b"\n",
        "azure": json.dumps({"records": [azure(ENDED)]}).encode(),
        "junk": b"{junk",
        "gzip": gzip.compress(aws),
        "header": aws + b"dstaddr srcaddr start\n",
    }
    batch = [values[kind] for kind in kinds]
    together, alone = read_all(batch, NOW), merged(read(value, NOW) for value in batch)
    columns = list(together.frame.columns)
    assert together.refused == alone.refused
    assert together.frame.sort(columns).equals(alone.frame.sort(columns))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["aws", "aws without", "gcp", "gcp without", "pmacct"]), st.integers(0, 4)),
        max_size=12,
    )
)
def test_records_that_name_no_network_are_of_their_own_exporters_however_many_are_read_together(
    told: list[tuple[str, int]],
) -> None:
    aws = f"vpc-id srcaddr dstaddr start\n%s 10.0.0.1 10.0.0.2 {SECOND}\n"
    values = {
        "aws": (aws % "vpc-1").encode(),
        "aws without": (aws % "-").encode(),
        "gcp": json.dumps(gcp()).encode(),
        "gcp without": json.dumps(gcp(src_vpc=None)).encode(),
        "pmacct": json.dumps(pmacct(label="")).encode(),
    }
    names = [f"exporter {number}" if number else None for _, number in told]
    reading = read_all([values[kind] for kind, _ in told], NOW, exporters=names)
    networks = {kind: read(value, NOW).frame["network"].item() for kind, value in values.items()}
    assert [kind for kind, network in networks.items() if network] == ["aws", "gcp"]
    wanted = Counter(networks[kind] or name for (kind, _), name in zip(told, names, strict=True))
    assert (Counter(reading.frame["network"]), dict(reading.refused)) == (wanted, {})


def test_an_object_that_never_ends_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "LONGEST", 2_000)
    endless = iter([json.dumps([gcp()])[:-1].encode(), b',{"a": "', *[b"x" * 1000] * 50])
    found = list(objects.objects(endless))
    assert [one.reason if isinstance(one, Refusal) else "object" for one in found] == ["object", "oversize"]
    assert len(list(endless)) > 40


def test_a_malformed_object_in_an_array_costs_itself_alone() -> None:
    good = json.dumps(gcp())
    reading = read(f'[{good}, {{"a": {{"b": nil}}}}, {good}]'.encode(), NOW)
    assert (reading.frame.height, dict(reading.refused)) == (2, {"fields": 1})


def test_lines_are_told_from_other_packings() -> None:
    assert one_a_line(json.dumps(gcp()).encode())
    assert not one_a_line(json.dumps([gcp()]).encode())
    assert not one_a_line(json.dumps(gcp(), indent=1).encode())


def test_nothing_is_nothing() -> None:
    assert isinstance(read(b"", NOW), Reading)
    assert read(b"", NOW).refused == read(b'{"records": []}', NOW).refused == {}
