"""Whatever bytes an exporter writes, reading them raises nothing and says what it refused."""

from __future__ import annotations

import gzip

from hypothesis import example, given
from hypothesis import strategies as st

from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.generator import NONE, Traffic
from onenet_local.traffic.networks import Network
from onenet_monitor.flows.formats import SCHEMA, read
from tests.samples import NOW

NETWORKS = (Network("vpc-web", "1", "10.1.0.0/16"), Network("vpc-shop", "2", "10.2.0.0/24"))
EXCHANGES = Traffic(NETWORKS, ((0, 1),), 1, NONE).window(int(NOW.timestamp()) - 60, 60, 3)
WRITTEN = [encode(EXCHANGES) for encode in FORMATS.values()]
HALF_A_PAIR = rb"\ud800"
TOKENS = [
    *[b"\n", b"\r", b"\t", b"\0", b" ", b"-", b",", b":", b'"', b"\\", b"{", b"}", b"[", b"]"],
    *[b"\xff", b"\xed\xa0\x80", rb"\u0000", HALF_A_PAIR, b"null", b"true", b"1e999", b"9" * 25],
    b"srcaddr dstaddr start\n",
]
Change = tuple[int, int, bytes]


def changed(content: bytes, changes: list[Change]) -> bytes:
    """The content with bytes taken away at some places and others put there."""
    for place, removed, added in changes:
        begin = place % (len(content) + 1)
        content = content[:begin] + added + content[begin + removed :]
    return content


@given(
    st.sampled_from([*WRITTEN, *map(gzip.compress, WRITTEN)]),
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 40), st.sampled_from(TOKENS) | st.binary(max_size=3)),
        min_size=1,
        max_size=6,
    ),
)
@example(WRITTEN[2], [(WRITTEN[2].index(b"eni-"), 0, HALF_A_PAIR)])
def test_no_bytes_raise_and_what_is_read_can_be_stored(content: bytes, changes: list[Change]) -> None:
    reading = read(changed(content, changes), NOW)
    assert reading.frame.schema == SCHEMA
    assert reading.frame.drop("network", "account", "egress").null_count().sum_horizontal().item() == 0
    texts = [*reading.frame["network"].drop_nulls(), *(sample.text for sample in reading.samples)]
    assert all(len(text.encode()) <= 2000 for text in texts)
    assert not any("\0" in text for text in reading.frame["network"].drop_nulls())
