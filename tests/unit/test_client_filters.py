from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_client import filters
from onenet_common.connection import Direction, L4Filter, Protocol

ports = st.lists(st.integers(1, 65535), min_size=2, max_size=2).map(sorted)
without_ports = st.builds(L4Filter, protocol=st.sampled_from(Protocol), direction=st.sampled_from(Direction))


@st.composite
def with_ports(draw: st.DrawFn) -> L4Filter:
    low, high = draw(ports)
    return L4Filter(
        protocol=draw(st.sampled_from([Protocol.TCP, Protocol.UDP])),
        from_port=low,
        to_port=high,
        direction=draw(st.sampled_from(Direction)),
    )


rules = without_ports | with_ports()


@given(rules)
def test_what_is_shown_can_be_typed_again(rule: L4Filter) -> None:
    assert filters.parse(filters.show(rule)) == rule


@given(rules)
def test_turning_round_twice_changes_nothing(rule: L4Filter) -> None:
    assert filters.flip(filters.flip(rule)) == rule
    assert (filters.flip(rule) == rule) == (rule.direction is Direction.BOTH)


@pytest.mark.parametrize(
    "text", ["", "gre", "tcp:0", "tcp:70000", "tcp:9-8", "icmp:8", "tcp:443:up", "tcp:1:both:x", "tcp:"]
)
def test_a_wrong_filter_is_named_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="such as tcp:443") as caught:
        filters.parse(text)
    assert repr(text) in str(caught.value)
