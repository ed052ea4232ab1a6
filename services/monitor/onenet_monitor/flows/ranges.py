"""Ranges of addresses, flattened so that numpy finds the longest prefix for many at once. Pure.

A scope is one view of the addresses, such as that of one network, so that what overlaps elsewhere is
told apart. Scope and address together are one sortable key: 64 bits for IPv4; 20 bytes, which compare
as numbers do, for IPv6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onenet_common.addresses import Network
from onenet_monitor.flows.moments import Claim, Ints

Numbers = NDArray[Any]

PRECEDENCE = 256
"""What one step of it weighs in a rank, more than any length of a prefix."""
BACKGROUND = 3
"""The precedence of what is no network's."""


class Range(NamedTuple):
    """A prefix that somebody has in a scope for a time.

    Args:
        scope: 0 or more, below 2^32.
        precedence: the lowest one wins, the longest prefix among equals.
    """

    scope: int
    prefix: Network
    precedence: int
    since: int
    until: int
    owner: int


class Ranges:
    """All ranges of one IP version.

    Args:
        bits: of an address.

    Attributes:
        claims: by place; a place is a stretch of addresses in a scope that the same have claims to.
    """

    def __init__(self, ranges: Iterable[Range], *, bits: int) -> None:
        starts, self.claims = _flattened(ranges, bits)
        self._number: type = np.uint64 if bits == 32 else object
        self._shift = np.uint64(bits) if bits == 32 else bits
        self._starts = self._keys(np.array(starts, dtype=self._number))

    def places(self, scopes: Ints, addresses: Numbers) -> Ints:
        """The place of each address in its scope; -1 before the first."""
        keys = self._keys(scopes.astype(self._number) << self._shift | addresses)
        return np.searchsorted(self._starts, keys, side="right").astype(np.int64) - 1

    def _keys(self, numbers: Numbers) -> Numbers:
        if self._number is not object:
            return numbers
        return np.array([number.to_bytes(20, "big") for number in numbers], dtype="S20")


def _flattened(ranges: Iterable[Range], bits: int) -> tuple[list[int], list[list[Claim]]]:
    """Where who has an address changes, in order, and the claims to all from there to the next."""
    blocks: dict[tuple[int, int], list[Claim]] = defaultdict(list)
    for one in ranges:
        first = one.scope << bits | int(one.prefix.network_address)
        last = one.scope << bits | int(one.prefix.broadcast_address)
        rank = one.precedence * PRECEDENCE + bits - one.prefix.prefixlen
        blocks[first, -last].append(Claim(rank, one.since, one.until, one.owner))
    changes = dict(_changes(blocks))
    starts = sorted(changes)
    return starts, [changes[start] for start in starts]


def _changes(blocks: dict[tuple[int, int], list[Claim]]) -> Iterator[tuple[int, list[Claim]]]:
    """From where on who has claims; of two for one place the later counts.

    Prefixes are nested or apart, so that those that hold an address are a stack.
    """
    around: list[tuple[int, int]] = []

    def claims() -> list[Claim]:
        return [claim for block in around for claim in blocks[block]]

    for first, minus_last in sorted(blocks):
        while around and -around[-1][1] < first:
            after = 1 - around.pop()[1]
            yield after, claims()
        around.append((first, minus_last))
        yield first, claims()
    while around:
        after = 1 - around.pop()[1]
        yield after, claims()
