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
from onenet_monitor.flows.moments import Claim, Ints, Moments

Numbers = NDArray[Any]


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
        base: see ``Moments``.
    """

    def __init__(self, ranges: Iterable[Range], *, bits: int, base: int) -> None:
        starts, claims = _flattened(ranges, bits)
        self._bits = bits
        self._shift = np.uint64(bits) if bits == 32 else bits
        self._starts = self._keys(np.array(starts, dtype=self.number))
        self._moments = Moments(claims, base)

    @property
    def number(self) -> type:
        """What arrays of addresses are made of: Python's integers where 64 bits do not hold them."""
        return object if self._bits > 32 else np.uint64

    def find(self, scopes: Ints, addresses: Numbers, times: Ints) -> Ints:
        """Who has each address in its scope at its time: an owner, ``NOBODY`` or ``AMBIGUOUS``."""
        keys = self._keys(scopes.astype(self.number) << self._shift | addresses)
        places = np.searchsorted(self._starts, keys, side="right").astype(np.int64) - 1
        return self._moments.find(places, times)

    def _keys(self, numbers: Numbers) -> Numbers:
        if self._bits == 32:
            return numbers
        return np.array([number.to_bytes(20, "big") for number in numbers], dtype="S20")


def _flattened(ranges: Iterable[Range], bits: int) -> tuple[list[int], list[list[Claim]]]:
    """Where who has an address changes, in order, and the claims to all from there to the next."""
    blocks: dict[tuple[int, int], list[Claim]] = defaultdict(list)
    for one in ranges:
        first = one.scope << bits | int(one.prefix.network_address)
        last = one.scope << bits | int(one.prefix.broadcast_address)
        rank = one.precedence * 256 + bits - one.prefix.prefixlen
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
