"""CIDR blocks are compared by prefix, for both IP versions, and refused with the way to write them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_common.addresses import CidrSet, Network, parse_address, parse_network


def block(version: int, width: int) -> st.SearchStrategy[Network]:
    """Blocks that share their first bits, so that they overlap often."""
    base = int(ip_address("10.0.0.0" if version == 4 else "2001:db8::"))
    kind = IPv4Network if version == 4 else IPv6Network

    def build(prefix: int, host: int) -> Network:
        return kind((base + (host << 4) & ~((1 << (width - prefix)) - 1), prefix))

    return st.builds(build, st.integers(width - 12, width), st.integers(0, 255))


blocks = st.lists(st.one_of(block(4, 32), block(6, 128)), max_size=12)


@given(blocks, blocks)
def test_overlaps_are_exactly_the_pairs_that_share_an_address(
    left: list[Network], right: list[Network]
) -> None:
    brute_force = {
        (mine, theirs)
        for mine in left
        for theirs in right
        if mine.version == theirs.version
        and int(mine.network_address) <= int(theirs.broadcast_address)
        and int(theirs.network_address) <= int(mine.broadcast_address)
    }

    found = CidrSet.of(left).overlaps(CidrSet.of(right))

    assert set(found) == brute_force
    assert len(found) == len(brute_force)


@given(blocks)
def test_a_set_is_the_same_whatever_order_it_was_given_in(given_blocks: list[Network]) -> None:
    assert CidrSet.of(given_blocks) == CidrSet.of(reversed(given_blocks)) == CidrSet.of([*given_blocks] * 2)


@given(blocks, st.integers(0, 5000))
def test_an_address_is_in_a_set_when_one_of_its_blocks_has_it(given_blocks: list[Network], host: int) -> None:
    for base in ("10.0.0.0", "2001:db8::"):
        address = ip_address(base) + host
        assert (address in CidrSet.of(given_blocks)) == any(
            block.version == address.version and address in block for block in given_blocks
        )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10.0.0.0", "10.0.0.0/16"),
        ("10.0.0.1/16", "did you mean 10.0.0.0/16?"),
        ("2001:db8::1/56", "did you mean 2001:db8::/56?"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a CIDR block"),
        ("ten/8", "'ten/8' is not a CIDR block"),
        ("10.0.0.0/8\x00", "is not a CIDR block"),
        (7, "text such as"),
        ("1" * 60 + "/8", "text such as"),
    ],
)
def test_what_is_no_canonical_block_is_refused_with_what_would_be_right(text: object, hint: str) -> None:
    with pytest.raises(ValueError, match=r"CIDR|prefix|host bits") as refused:
        parse_network(text)
    assert hint in str(refused.value)


def test_a_network_object_is_taken_as_it_is() -> None:
    assert parse_network(ip_network("10.0.0.0/8")) == ip_network("10.0.0.0/8")


def test_what_is_no_address_is_refused_by_name() -> None:
    assert parse_address("10.0.0.7") == ip_address("10.0.0.7")
    with pytest.raises(ValueError, match=r"'10\.0\.0\.300' is not an IP address"):
        parse_address("10.0.0.300")
