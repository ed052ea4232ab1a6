"""The words of a connection refuse what makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from onenet_common.connection import L4Filter, Name, Protocol, Quota, Requirements, Sample, Side
from tests.samples import NOW

ports = st.integers(1, 65535)


@given(st.sampled_from([Protocol.TCP, Protocol.UDP]), ports, ports)
def test_a_range_of_ports_is_taken_exactly_when_it_is_in_order(
    protocol: Protocol, low: int, high: int
) -> None:
    values = {"protocol": protocol, "from_port": low, "to_port": high}
    if low <= high:
        assert L4Filter.model_validate(values).to_port == high
    else:
        with pytest.raises(ValidationError, match=f"from_port {low} is above to_port {high}"):
            L4Filter.model_validate(values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"protocol": "tcp", "from_port": 80}, "both from_port and to_port"),
        ({"protocol": "tcp", "to_port": 80}, "both from_port and to_port"),
        ({"protocol": "icmp", "from_port": 1, "to_port": 1}, "ports need protocol tcp or udp, not icmp"),
        ({"from_port": 1, "to_port": 1}, "ports need protocol tcp or udp, not any"),
        ({"protocol": "tcp", "from_port": 0, "to_port": 1}, "greater than or equal to 1"),
        ({"protocol": "tcp", "from_port": 1, "to_port": 65536}, "less than or equal to 65535"),
        ({"protocol": "sctp"}, "'tcp', 'udp', 'icmp' or 'any'"),
        ({"port": 80}, "Extra inputs are not permitted"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(values: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        L4Filter.model_validate(values)


def test_wishes_have_bounds() -> None:
    for values in ({"bandwidth_mbps": 0}, {"latency_ms": 0}, {"monthly_gb": -1}, {"jitter_ms": 1}):
        with pytest.raises(ValidationError):
            Requirements.model_validate(values)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "x" * 129])
def test_a_name_is_one_line_that_can_be_shown(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)


def test_a_quota_that_is_overdrawn_has_nothing_left() -> None:
    assert Quota(used=7, limit=5).left == 0
    assert Quota(used=4, limit=5).left == 1


def test_a_sample_knows_three_healths() -> None:
    with pytest.raises(ValidationError, match="UP, DEGRADED or DOWN"):
        Sample(source="probe", health="UNKNOWN", at=NOW)


def test_each_side_has_another() -> None:
    assert [side.other for side in Side] == [Side.RIGHT, Side.LEFT]
