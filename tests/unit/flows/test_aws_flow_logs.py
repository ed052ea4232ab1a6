"""AWS flow logs: every good line counts once, every bad one is told by its reason."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onenet_monitor.flows.formats import Reading, aws, inflate, merged, read, read_all, readings
from tests.samples import NOW
from tests.unit.flows import plain

SECOND = int(NOW.timestamp())
LINE = f"2 111111111111 eni-1 10.0.0.1 10.1.0.2 40000 443 6 10 8400 {SECOND - 60} {SECOND} ACCEPT OK"
NODATA = f"2 111111111111 eni-1 - - - - - - - {SECOND - 60} {SECOND} - NODATA"
VERSION_5 = "vpc-id flow-direction pkt-srcaddr pkt-dstaddr srcaddr dstaddr start bytes traffic-path"
HEADERS = [
    plain.VERSION_2,
    VERSION_5,
    "srcaddr dstaddr end",
    "start dstaddr srcaddr log-status bytes",
    "interface-id start",
    "log-status action srcaddr dstaddr protocol new-field start srcport",
]
WORDS = [
    *["-", "", "x", "0", "6", "443", "-1", "+5", "70000", "1.5", "1e3", "\t7", "9" * 25, "4" * 18],
    *["ACCEPT", "REJECT", "OK", "SKIPDATA", "NODATA", "egress", "ingress", str(SECOND), str(SECOND + 3600)],
    *["10.0.0.1", "10.0.0.256", "010.0.0.1", "2001:DB8:0::1", "::ffff:1.2.3.4", "fe80::1%eth0"],
    *["vpc-1", "é", "vpc\0", '"', "v" * 600],
]
GOOD = {
    **dict(zip(plain.VERSION_2.split(" "), LINE.split(" "), strict=True)),
    "pkt-srcaddr": "2001:db8::1",
    "flow-direction": "egress",
}


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Headers in the middle, good lines under them, and all that can go wrong with a line."""
    written = []
    header = draw(st.sampled_from(HEADERS))
    if draw(st.booleans()):
        written.append(header)
    for _ in range(draw(st.integers(0, 12))):
        words = [GOOD.get(name, "-") for name in header.split(" ")]
        match draw(st.sampled_from(["good", "good", "word", "word", "short", "long", "header", "junk"])):
            case "word":
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
            case "short":
                words.pop(draw(st.integers(0, len(words) - 1)))
            case "long":
                words.insert(draw(st.integers(0, len(words))), draw(st.sampled_from(WORDS)))
            case "header":
                header = draw(st.sampled_from(HEADERS))
                words = header.split(" ")
            case "junk":
                words = [draw(st.text("a1- .,{\t\0\r\v\x85é\u2028", max_size=12))]
        written.append(" ".join(words) + draw(st.sampled_from(["", "", "", "\r"])))
    return "\n".join(written) + draw(st.sampled_from(["", "\n", "\n\n"]))


def cut(content: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places})
    return [content[begin:end] for begin, end in zip([0, *ends], [*ends, len(content)], strict=True)]


def records(reading: Reading) -> Counter[tuple[tuple[str, object], ...]]:
    return Counter(tuple(sorted(row.items(), key=lambda item: item[0])) for row in reading.frame.to_dicts())


def expected(rows: list[plain.Record]) -> Counter[tuple[tuple[str, object], ...]]:
    return Counter(tuple(sorted(row.items(), key=lambda item: item[0])) for row in rows)


@given(texts(), st.lists(st.integers(0, 10_000), max_size=3))
@example(f"{plain.VERSION_2}\n{LINE}\n{LINE} more\n", [])
@example(f"{plain.VERSION_2}\n{LINE}\n{LINE} \n{LINE}\n", [])
@example(f"{plain.VERSION_2}\n{LINE}\n{LINE} {LINE}\n{LINE}\n", [])
@example(f"{HEADERS[2]}\n{HEADERS[2]}\n", [])
@example(f"{plain.VERSION_2}\n{LINE.replace('OK', '-')}\n{NODATA}", [])
@example(f"{VERSION_5}\nvpc-1 egress 10.0.0.1 10.0.0.2 - - {SECOND} 5", [])
def test_any_mixture_gives_the_good_lines_and_each_bad_ones_reason(text: str, places: list[int]) -> None:
    content = text.encode("utf-8", "replace")
    rows, refused, skipped = plain.read(content.decode(), NOW)
    reading = merged(aws.readings(cut(content, places), NOW))
    assert (dict(reading.refused), dict(reading.skipped)) == (dict(refused), dict(skipped))
    assert records(reading) == expected(rows)


@settings(max_examples=30)
@given(st.lists(texts(), min_size=2, max_size=4))
def test_messages_read_together_come_to_the_same_as_each_alone(some: list[str]) -> None:
    values = [one.encode("utf-8", "replace") for one in some]
    together, alone = read_all(values, NOW), merged(read(value, NOW) for value in values)
    assert (together.refused, together.skipped) == (alone.refused, alone.skipped)
    assert records(together) == records(alone)


@pytest.mark.parametrize(
    ("name", "word", "reason"),
    [
        ("packets", "\t10", "counter"),
        ("bytes", str(2**50 + 1), "counter"),
        ("bytes", "-1", "counter"),
        ("account-id", "1\0", "name"),
        ("account-id", "1" * 513, "name"),
        ("srcaddr", "010.0.0.1", "address"),
        ("dstaddr", "fe80::1%eth0", "address"),
        ("dstport", "65536", "port"),
        ("start", "0", "time"),
        ("action", "DROP", "action"),
        ("log-status", "WELL", "action"),
    ],
)
def test_one_wrong_word_is_one_refusal(name: str, word: str, reason: str) -> None:
    words = {**GOOD, name: word}
    line = " ".join(words[field] for field in plain.VERSION_2.split(" "))
    reading = read(f"{plain.VERSION_2}\n{LINE}\n{line}\n".encode(), NOW)
    assert (reading.frame.height, dict(reading.refused)) == (1, {reason: 1})
    assert reading.samples[0].text == line[:500]


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("0:0:0:0:0:FFFF:0a00:0001", "10.0.0.1"),
    ],
)
def test_an_address_has_one_spelling(written: str, spelt: str) -> None:
    assert read(LINE.replace("10.0.0.1", written).encode(), NOW).frame["src"].to_list() == [spelt]


def test_a_regular_text_is_read_the_fast_way() -> None:
    reader = aws.Reader(NOW)
    reader.read(plain.VERSION_2.encode())
    reading = reader.fast(f"{LINE}\n{NODATA}\n{LINE.replace(' 6 ', ' 300 ')}\n".encode())
    assert reading is not None
    assert (reading.frame.height, reading.skipped["nodata"]) == (1, 1)
    assert [(one.reason, one.text) for one in reading.samples] == [("protocol", LINE.replace(" 6 ", " 300 "))]


def test_version_2_needs_no_header_since_cloudwatch_writes_none() -> None:
    (row,) = read(LINE.encode(), NOW).frame.to_dicts()
    assert (row["src"], row["dst"], row["dst_port"], row["bytes"]) == ("10.0.0.1", "10.1.0.2", 443, 8400)
    assert row["end"] == NOW.replace(microsecond=0)


def test_the_packets_own_addresses_win_over_those_of_what_is_in_between() -> None:
    text = f"{VERSION_5}\nvpc-1 ingress 10.9.9.9 - 10.0.0.1 10.1.0.2 {SECOND} 5 -\n"
    (row,) = read(text.encode(), NOW).frame.to_dicts()
    assert (row["src"], row["dst"], row["network"], row["egress"]) == ("10.9.9.9", "10.1.0.2", "vpc-1", False)


@pytest.mark.parametrize("lost", [1, 10, 200])
def test_a_truncated_gzip_costs_only_what_is_after_the_break(lost: int) -> None:
    lines = [f"{plain.VERSION_2}", *(LINE.replace("40000", str(port)) for port in range(1000, 3000))]
    whole = gzip.compress("\n".join(lines).encode())
    reading = read(whole[:-lost], NOW)
    ports = reading.frame["src_port"].to_list()
    assert reading.refused == {"gzip": 1}
    assert 0 < len(ports) <= 2000
    assert ports == list(range(1000, 1000 + len(ports)))


def test_a_value_that_the_break_cuts_is_not_taken_for_a_shorter_one() -> None:
    text = b"srcaddr dstaddr start bytes\n" + b"10.0.0.1 10.0.0.2 %d 123456789\n" % SECOND * 3000
    packed = gzip.compress(text)
    counted = {n for size in range(80, len(packed)) for n in read(packed[:size], NOW).frame["bytes"].unique()}
    assert counted <= {123456789}


def test_gzip_in_several_members_is_read_to_the_end() -> None:
    packed = gzip.compress(f"{plain.VERSION_2}\n{LINE}\n".encode()) + gzip.compress(f"{LINE}\n".encode())
    assert read(packed, NOW).frame.height == 2


def test_a_small_input_that_inflates_to_gigabytes_is_cut_at_the_limit() -> None:
    packed = gzip.compress(f"{plain.VERSION_2}\n".encode() + f"{LINE}\n".encode() * 50_000)
    reading = read(packed, NOW, limit=1_000_000)
    assert reading.refused == {"oversize": 1}
    assert reading.frame.height == (1_000_000 - len(plain.VERSION_2) - 1) // (len(LINE) + 1)


def test_a_line_without_end_is_refused_and_what_follows_it_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "BLOCK", 1000)
    pieces = [f"{plain.VERSION_2}\n{LINE}\n".encode(), *[b"x" * 400] * 9, f"x\n{LINE}\n".encode()]
    reading = merged(aws.readings(pieces, NOW))
    assert (reading.frame.height, dict(reading.refused)) == (2, {"oversize": 1})


def test_many_different_headers_cannot_hold_the_reader_up() -> None:
    text = "".join(f"srcaddr dstaddr start x{n}\n10.0.0.1 10.0.0.2 {SECOND} -\n" for n in range(200))
    reading = read(text.encode(), NOW)
    assert (reading.frame.height, dict(reading.refused)) == (16, {"header": 184})


def test_a_frequent_reason_does_not_hide_a_rare_one_among_the_samples() -> None:
    lines = [plain.VERSION_2, *[LINE.replace(" 6 ", " 999 ")] * 100, LINE.replace("10.0.0.1", "nobody")]
    reading = read("\n".join(lines).encode(), NOW)
    assert [one.reason for one in reading.samples] == ["protocol"] * 3 + ["address"]
    together = merged([reading] * 20)
    assert Counter(one.reason for one in together.samples) == {"protocol": 3, "address": 3}


def test_a_stream_is_read_block_by_block() -> None:
    text = f"{plain.VERSION_2}\n".encode() + f"{LINE}\n".encode() * 200_000
    sizes = [one.frame.height for one in readings(io.BytesIO(gzip.compress(text, 1)), NOW)]
    assert (len(sizes) > 1, sum(sizes)) == (True, 200_000)


def test_what_is_ahead_of_the_clock_by_more_than_minutes_is_refused() -> None:
    early = datetime.fromtimestamp(SECOND - 240, UTC)
    assert read(LINE.encode(), early).frame.height == 1
    assert read(LINE.encode(), datetime.fromtimestamp(SECOND - 301, UTC)).refused == {"future": 1}


@pytest.mark.parametrize("value", [b"hello", b"\xff\xfe", b"{}", b"[1, 2]", b'{"a": 1}'])
def test_what_nobody_knows_is_one_refusal(value: bytes) -> None:
    reading = read(value, NOW)
    assert (reading.frame.height, dict(reading.refused)) == (0, {"unknown": 1})
