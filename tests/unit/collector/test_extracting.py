"""From a file's bytes to messages: nothing lost, nothing made up, however the bytes come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onenet_monitor.collector.cutting import LONGEST_HEADER, MESSAGE_BYTES, Cutter
from onenet_monitor.collector.extracting import Extraction
from onenet_monitor.collector.gunzip import PIECE, Damaged, Gunzip

HEADER = b"version account-id srcaddr dstaddr pkt-srcaddr bytes log-status\n"
LINES = [b"%d 111111111111 10.0.0.1 10.0.0.2 - %d OK\n" % (place, place * 7) for place in range(12_000)]
TEXT = HEADER + b"".join(LINES)
PACKED = gzip.compress(TEXT, mtime=0)
LARGEST = 10**9


def extract(blocks: Iterable[bytes], largest: int = LARGEST) -> tuple[list[bytes], str | None]:
    extraction = Extraction(largest=largest)
    messages = [message for block in blocks for message in extraction.feed(block)]
    messages += extraction.finish()
    return messages, extraction.damage


def divided(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


def lines_of(messages: Iterable[bytes]) -> list[bytes]:
    assert all(message.startswith(HEADER) for message in messages)
    return [line for message in messages for line in message.removeprefix(HEADER).splitlines(keepends=True)]


def test_every_line_comes_once_in_messages_that_say_what_their_fields_are() -> None:
    messages, damage = extract([PACKED])
    assert lines_of(messages) == LINES
    assert damage is None
    assert len(messages) == 2
    assert max(map(len, messages)) <= MESSAGE_BYTES


@settings(max_examples=30)
@given(st.lists(st.integers(0, len(PACKED)), max_size=20))
def test_messages_do_not_depend_on_how_the_file_came(places: list[int]) -> None:
    assert extract(divided(PACKED, places)) == extract([PACKED])


@given(st.lists(st.binary(max_size=12), max_size=30), st.lists(st.integers(0), max_size=9), st.booleans())
def test_cuts_depend_on_the_text_alone(parts: list[bytes], places: list[int], whole: bool) -> None:
    text = b"a b\n" + b"".join(parts)

    def cut(blocks: list[bytes]) -> tuple[list[bytes], int]:
        cutter = Cutter(limit=16)
        messages = [message for block in blocks for message in cutter.feed(block)]
        return [*messages, *cutter.finish(whole=whole)], cutter.overlong

    messages, overlong = cut(divided(text, places))
    assert (messages, overlong) == cut([text])
    fitting = [line for line in text[4:].split(b"\n")[:-1] if len(line) + 1 <= 12]
    rest = text[4:].rpartition(b"\n")[2]
    given_lines = b"".join(message[4:] for message in messages).split(b"\n")
    assert given_lines == [*fitting, rest if whole and len(rest) <= 12 else b""]
    assert all(len(message) <= 16 for message in messages)


@settings(max_examples=30)
@given(st.integers(2, len(PACKED) - 1), st.lists(st.integers(0), max_size=5))
def test_a_truncated_file_gives_the_lines_before_the_break(end: int, places: list[int]) -> None:
    messages, damage = extract(divided(PACKED[:end], places))
    assert damage in ("truncated", "no_header")
    found = lines_of(messages)
    assert found == LINES[: len(found)]
    assert len(found) >= len(_inflated(PACKED[:end]).splitlines()) - 2


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(data)


def test_a_line_that_is_cut_off_is_no_line_with_a_smaller_number() -> None:
    packed = gzip.compress(TEXT[:-6])
    messages, damage = extract([packed[:-8]])
    assert damage == "truncated"
    assert lines_of(messages) == LINES[:-1]


@pytest.mark.parametrize("block", [1, 97, 10**9])
def test_a_corrupt_file_gives_all_before_the_break_however_it_came(block: int) -> None:
    good = zlib.compressobj(wbits=31)
    # A full flush ends at a byte; a block whose type is 3 is none.
    data = good.compress(HEADER + b"".join(LINES[:8_000])) + good.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 1000
    messages, damage = extract(data[place : place + block] for place in range(0, len(data), block))
    assert damage == "corrupt"
    assert lines_of(messages) == LINES[:8_000]


def test_a_file_of_several_members_is_one_file() -> None:
    packed = b"".join(gzip.compress(TEXT[place : place + 70_000]) for place in range(0, len(TEXT), 70_000))
    assert lines_of(extract(divided(packed, range(0, len(packed), 101)))[0]) == LINES


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        (b"", "not_gzip"),
        (b"\x1f", "not_gzip"),
        (TEXT, "not_gzip"),
        (b"PAR1" + bytes(100), "not_gzip"),
        (gzip.compress(b"".join(LINES)), "no_header"),
        (gzip.compress(b"a" * LONGEST_HEADER + b" b\n" + TEXT), "no_header"),
        (gzip.compress(b"version account-id"), "no_header"),
        (PACKED + b"what is this", "corrupt"),
    ],
    ids=["empty", "one byte", "text", "Parquet", "data alone", "long", "no end", "something behind"],
)
def test_what_is_no_flow_log_says_why(data: bytes, damage: str) -> None:
    messages, found = extract([data])
    assert found == damage
    assert messages == (extract([PACKED])[0] if damage == "corrupt" else [])


@pytest.mark.parametrize("text", [b"", HEADER], ids=["nothing", "a header alone"])
def test_a_file_without_records_is_whole_and_gives_no_message(text: bytes) -> None:
    assert extract([gzip.compress(text)]) == ([], None)


def test_a_line_that_no_message_can_hold_costs_that_line() -> None:
    text = HEADER + LINES[0] + b"7 " * MESSAGE_BYTES + b"\n" + LINES[1]
    extraction = Extraction(largest=LARGEST)
    messages = [*extraction.feed(gzip.compress(text)), *extraction.finish()]
    assert lines_of(messages) == LINES[:2]
    assert (extraction.overlong, extraction.damage) == (1, None)


def test_a_few_bytes_that_stand_for_very_many_are_read_up_to_the_limit() -> None:
    bomb = gzip.compress(HEADER + LINES[0] * 2_000_000)
    messages, damage = extract([bomb], largest=1_000_000)
    assert damage == "too_large"
    assert 900_000 < sum(map(len, messages)) < 1_100_000
    assert set(lines_of(messages)) == {LINES[0]}


def test_no_step_inflates_more_than_a_piece() -> None:
    pieces = [len(piece) for piece in Gunzip(largest=LARGEST).feed(gzip.compress(bytes(50_000_000)))]
    assert sum(pieces) == 50_000_000
    assert max(pieces) <= PIECE


def test_a_cutter_says_that_there_was_no_header() -> None:
    with pytest.raises(Damaged, match="no_header"):
        list(Cutter().feed(b"2 111111111111 eni-1\n"))
