"""What held when, of many places at once: a table that numpy searches. Pure.

A place is anything that has a history, such as a range of addresses or a pair of networks. Times are
microseconds since 1970; those before ``base`` count as ``base``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NOBODY = -1
AMBIGUOUS = -2
"""More than one has the same right to it."""

TIME_BITS = 43
LONGEST = (1 << TIME_BITS) - 1
"""Microseconds that a history reaches from its base, 101 days; 2 million places fit beside it in 64 bits."""


class Claim(NamedTuple):
    """Somebody has a place for a time.

    Args:
        rank: the lowest one has it.
        since, until: microseconds; ``until`` is the first one that it does not hold in.
        owner: 0 or more.
    """

    rank: int
    since: int
    until: int
    owner: int


class Moments:
    """Who has each place when.

    Args:
        claims: by place; places are numbered as they come.
        base: the time before which nobody asks.
    """

    def __init__(self, claims: Iterable[Iterable[Claim]], base: int) -> None:
        self._base = base
        moments: list[int] = []
        owners: list[int] = []
        for place, claimed in enumerate(claims):
            for at, owner in timeline(claimed, base):
                moments.append(place << TIME_BITS | min(at - base, LONGEST))
                owners.append(owner)
        self._moments = np.array(moments, dtype=np.int64)
        self._owners = np.array(owners, dtype=np.int64)

    def find(self, places: Ints, times: Ints) -> Ints:
        """The owner of each place at its time, ``NOBODY`` or ``AMBIGUOUS``; a place below 0 is nobody's."""
        if not len(self._moments):
            return np.full(len(places), NOBODY, dtype=np.int64)
        keys = places << TIME_BITS | np.clip(times - self._base, 0, LONGEST - 1)
        found = self._owners[np.maximum(np.searchsorted(self._moments, keys, side="right") - 1, 0)]
        return np.where(places < 0, NOBODY, found)


def timeline(claims: Iterable[Claim], base: int) -> Sequence[tuple[int, int]]:
    """Who has one place from which time on, the first from ``base`` on.

    Among those of the lowest rank at a time, several owners make it ambiguous.
    """
    changes: list[tuple[int, int, Claim]] = []
    for claim in claims:
        if max(claim.since, base) < claim.until:
            changes.append((max(claim.since, base), 1, claim))
            changes.append((claim.until, -1, claim))
    changes.sort(key=lambda change: change[0])
    held: dict[int, Counter[int]] = {}
    line = [(base, NOBODY)]
    for at, sign, claim in changes:
        ranked = held.setdefault(claim.rank, Counter())
        ranked[claim.owner] += sign
        if not ranked[claim.owner]:
            del ranked[claim.owner]
        if not ranked:
            del held[claim.rank]
        owner = _owner(held)
        if line[-1][0] == at:
            line.pop()
        if not line or line[-1][1] != owner:
            line.append((at, owner))
    return line


def _owner(held: dict[int, Counter[int]]) -> int:
    if not held:
        return NOBODY
    best = held[min(held)]
    return next(iter(best)) if len(best) == 1 else AMBIGUOUS
