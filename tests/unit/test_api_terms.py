"""The digest that a consent is bound to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onenet_api.connections.terms import canonical, digest, mirrored, union
from onenet_common.connection import Direction, L4Filter, Protocol
from tests.unit.api_values import LEFT, RIGHT, RIGHT_SERVICE, network

PORTS = st.integers(1, 65535)
FILTERS = st.lists(
    st.builds(
        lambda protocol, port, direction: L4Filter(
            protocol=protocol, from_port=port, to_port=port, direction=direction
        ),
        st.sampled_from([Protocol.TCP, Protocol.UDP]),
        PORTS,
        st.sampled_from(Direction),
    ),
    max_size=5,
    unique_by=repr,
)
BLOCKS = st.lists(
    st.integers(0, 255).map(lambda number: f"10.{number}.0.0/16"), min_size=1, max_size=5, unique=True
)


@given(BLOCKS, FILTERS)
def test_order_does_not_matter(blocks: list[str], l4filters: list[L4Filter]) -> None:
    other = digest(network("vpc-1", blocks[::-1]), RIGHT, l4filters[::-1])
    assert digest(network("vpc-1", blocks), RIGHT, l4filters) == other


@given(BLOCKS, BLOCKS)
def test_other_addresses_are_other_terms(blocks: list[str], others: list[str]) -> None:
    one, two = (digest(network("vpc-1", either), RIGHT, ()) for either in (blocks, others))
    assert (one == two) == (set(blocks) == set(others))


@given(FILTERS, FILTERS)
def test_other_filters_are_other_terms(l4filters: list[L4Filter], others: list[L4Filter]) -> None:
    same = canonical(l4filters) == canonical(others)
    assert (digest(LEFT, RIGHT, l4filters) == digest(LEFT, RIGHT, others)) == same


def test_the_same_addresses_of_another_network_are_other_terms() -> None:
    elsewhere = network("vpc-9", ["10.2.0.0/16"], RIGHT_SERVICE)
    assert digest(LEFT, RIGHT, ()) != digest(LEFT, elsewhere, ())


@given(FILTERS)
def test_mirroring_twice_is_no_change(l4filters: list[L4Filter]) -> None:
    assert list(mirrored(mirrored(l4filters))) == l4filters


def test_mirroring_turns_who_opens_the_traffic() -> None:
    (turned,) = mirrored([L4Filter(direction=Direction.LEFT_TO_RIGHT)])
    assert turned.direction is Direction.RIGHT_TO_LEFT


@given(FILTERS, FILTERS)
def test_a_union_has_each_filter_once(l4filters: list[L4Filter], others: list[L4Filter]) -> None:
    together = union(l4filters, others)
    assert canonical(together) == canonical(l4filters) | canonical(others)
    assert len(together) == len(canonical(together))
