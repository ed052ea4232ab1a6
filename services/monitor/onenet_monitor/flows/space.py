"""All addresses of both IP versions: who has which, as everybody sees it and as one network does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from ipaddress import IPv6Address
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from onenet_monitor.flows.interning import Interner
from onenet_monitor.flows.moments import NOBODY, Claim, Ints, Moments
from onenet_monitor.flows.ranges import BACKGROUND, PRECEDENCE, Numbers, Range, Ranges

EVERYWHERE = 0
"""The scope of those who are not told apart by who observes them."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses as numbers: ``four`` says which are of IPv4 and in ``short``; the others are in ``long``."""

    four: NDArray[np.bool_]
    short: NDArray[np.uint64]
    long: Numbers

    @classmethod
    def of(cls, texts: pl.Series) -> Self:
        numbers = texts.to_frame("text").select(_ipv4("text")).to_series()
        four = numbers.is_not_null().to_numpy()
        long = np.zeros(len(texts), dtype=object)
        long[~four] = [_ipv6(text) for text in texts.filter(~four)]
        return cls(four, numbers.fill_null(0).to_numpy(), long)

    def at(self, rows: Ints) -> Addresses:
        """Some of them."""
        return Addresses(self.four[rows], self.short[rows], self.long[rows])

    def followed_by(self, others: Addresses) -> Addresses:
        """These and then those."""
        both = zip((self.four, self.short, self.long), (others.four, others.short, others.long), strict=True)
        return Addresses(*map(np.concatenate, both))


class Space:
    """Who has which address when.

    Args:
        base: see ``Moments``.
    """

    def __init__(self, ranges: Sequence[Range], base: int) -> None:
        self._ipv4 = Ranges((one for one in ranges if one.prefix.version == 4), bits=32)
        self._ipv6 = Ranges((one for one in ranges if one.prefix.version == 6), bits=128)
        claims = [*self._ipv4.claims, *self._ipv6.claims]
        self._moments = Moments(claims, base)
        self._disputed = np.array([_disputed(one) for one in claims], dtype=np.bool_)

    def everywhere(self, addresses: Addresses) -> Ints:
        """The place of each address as everybody sees it."""
        return self._locate(addresses, np.full(len(addresses.four), EVERYWHERE))

    def disputed(self, places: Ints) -> NDArray[np.bool_]:
        """Whether it may matter who observes it: several networks have had the address."""
        return self._disputed[places]

    def owners(self, places: Ints, times: Ints) -> Ints:
        """Who has each place at its time: an owner, ``NOBODY`` or ``AMBIGUOUS``."""
        return self._moments.find(places, times)

    def seen_from(self, addresses: Addresses, scopes: Ints, times: Ints) -> Ints:
        """Who has each address as its scope sees it, else as everybody does."""
        own = self.owners(self._locate(addresses, scopes), times)
        return np.where(own == NOBODY, self.owners(self.everywhere(addresses), times), own)

    def _locate(self, addresses: Addresses, scopes: Ints) -> Ints:
        four = addresses.four
        places = np.empty(len(four), dtype=np.int64)
        places[four] = self._ipv4.places(scopes[four], addresses.short[four])
        six = self._ipv6.places(scopes[~four], addresses.long[~four])
        places[~four] = np.where(six < 0, six, six + len(self._ipv4.claims))
        return places


class Located:
    """The addresses that have been looked up, and what is known of each, by the number that it got."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._interner = Interner()
        self.addresses = Addresses.of(self._interner.texts)
        self.places = space.everywhere(self.addresses)
        self.disputed = space.disputed(self.places)

    def __len__(self) -> int:
        return len(self._interner)

    def numbers(self, texts: pl.Series) -> Ints:
        """Of each address its number, from now on known."""
        numbers = self._interner.numbers(texts)
        if len(fresh := self._interner.texts[len(self.places) :]):
            addresses = Addresses.of(fresh)
            places = self._space.everywhere(addresses)
            self.addresses = self.addresses.followed_by(addresses)
            self.places = np.concatenate([self.places, places])
            self.disputed = np.concatenate([self.disputed, self._space.disputed(places)])
        return numbers


def _disputed(claims: Iterable[Claim]) -> bool:
    return len({one.owner for one in claims if one.rank < BACKGROUND * PRECEDENCE}) > 1


def _ipv4(column: str) -> pl.Expr:
    """The number that an IPv4 address is; null for an address of another kind."""
    parts = pl.col(column).str.split_exact(".", 3).struct
    numbers = (parts.field(f"field_{place}").cast(pl.UInt64, strict=False) for place in range(4))
    return reduce(lambda number, byte: number * 256 + byte, numbers).alias(column)


def _ipv6(text: str) -> int:
    try:
        return int(IPv6Address(text))
    except ValueError:
        return 0
