"""Whose traffic it is, and which connection carried it. Pure, and without work per record in Python.

An end is given to the network that has its address by the longest prefix, at the record's time. Where
addresses overlap, the network in which the traffic was observed decides: its own prefixes first, then
those of networks that a connection joined to it at that time, then all others, where two with the same
right to an address make it ambiguous, and so nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from ipaddress import IPv6Address

import numpy as np
import polars as pl

from onenet_monitor.flows.inventory import Link, Network
from onenet_monitor.flows.landscape import EVERYWHERE, Landscape, microseconds
from onenet_monitor.flows.moments import AMBIGUOUS, NOBODY, Ints, Moments
from onenet_monitor.flows.ranges import Numbers, Ranges

CONNECTION, INTERNET, OTHER, UNKNOWN = KINDS = ("connection", "internet", "other", "unknown")
KIND = pl.Enum(KINDS)
OBSERVER = pl.Enum(("source", "target"))

REMEMBERED = timedelta(days=40)
"""How far back who had what is asked; longer than what has ended is kept."""


class Index:
    """The inventory as it was at each time, made for looking up.

    Args:
        networks, links: all that is known, the past too.
        now: history ends ``REMEMBERED`` before it; what is older counts as if it were of then.
    """

    def __init__(self, networks: Sequence[Network], links: Sequence[Link], now: datetime) -> None:
        base = microseconds(now - REMEMBERED)
        self._land = land = Landscape(networks, links)
        self._resource, self._connection = pl.Enum(land.resources), pl.Enum(land.connections)
        self._ipv4 = Ranges((one for one in land.ranges if one.prefix.version == 4), bits=32, base=base)
        self._ipv6 = Ranges((one for one in land.ranges if one.prefix.version == 6), bits=128, base=base)
        self._carrying = Moments(land.claims, base)

    def attribute(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The canonical records with whose they are.

        Returns:
            the frame with ``source``, ``target`` (resource ids) and ``connection``, each null where
            there is none; ``kind``; ``observer``, whose network saw it, ``source`` or ``target``;
            ``ambiguous``, whether an end is unknown since several networks have its address.
        """
        times = self._times(frame["start"])
        seen = self._observed_in(frame)
        source, target = self._owners(frame, seen, times)
        connection = self._connection_between(source, target, times)
        return frame.with_columns(
            _named(np.where(source < self._land.internet, source, NOBODY), self._resource, "source"),
            _named(np.where(target < self._land.internet, target, NOBODY), self._resource, "target"),
            _named(connection, self._connection, "connection"),
            _named(self._kinds(source, target, connection), KIND, "kind"),
            _named(_sides(source, target, seen, frame["egress"]), OBSERVER, "observer"),
            pl.Series("ambiguous", (source == AMBIGUOUS) | (target == AMBIGUOUS)),
        )

    def _times(self, start: pl.Series) -> Ints:
        """When each record counts; one time for all of them when nothing changed in between."""
        times = start.to_physical().to_numpy()
        if not len(times):
            return times
        first, last = np.searchsorted(self._land.changes, (times.min(), times.max()), side="right")
        return np.full(len(times), times[0]) if first == last else times

    def _observed_in(self, frame: pl.DataFrame) -> Ints:
        """The place of each record's own network, ``NOBODY`` where that is not known."""
        named = frame.select("network", "account")
        names = named.unique()
        places = [self._observer(*name) for name in names.iter_rows()]
        if len(places) == 1:
            return np.full(len(frame), places[0], dtype=np.int64)
        names = names.with_columns(place=pl.Series(places, dtype=pl.Int64))
        joined = named.join(
            names, on=["network", "account"], how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["place"].to_numpy()

    def _observer(self, network: str | None, account: str | None) -> int:
        """By account and name, or by a name that is one network's alone."""
        candidates = self._land.observers.get((network or "").lower(), {})
        if account is not None and account in candidates:
            return candidates[account]
        places = set(candidates.values())
        return places.pop() if len(places) == 1 else NOBODY

    def _owners(self, frame: pl.DataFrame, seen: Ints, times: Ints) -> tuple[Ints, Ints]:
        """Who has the source and the target of each record; each address is looked up once."""
        ends = pl.DataFrame(
            {
                "address": pl.concat([frame["src"], frame["dst"]]),
                "scope": np.concatenate([seen, seen]) + 1,
                "time": np.concatenate([times, times]),
            }
        )
        key = [name for name in ends.columns if name == "address" or ends[name].n_unique() > 1]
        once = ends.unique(key)
        once = once.with_columns(owner=pl.Series(self._looked_up(once), dtype=pl.Int64))
        owners = ends.join(once, on=key, how="left", maintain_order="left")["owner"].to_numpy()
        return owners[: len(frame)], owners[len(frame) :]

    def _looked_up(self, ends: pl.DataFrame) -> Ints:
        scopes, times = ends["scope"].to_numpy(), ends["time"].to_numpy()
        numbers = ends.select(_ipv4("address"))["address"]
        four = numbers.is_not_null().to_numpy()
        six: Numbers = np.array(
            [_ipv6(text) for text in ends["address"].filter(~four)], dtype=self._ipv6.number
        )
        found = np.full(len(ends), NOBODY, dtype=np.int64)
        found[four] = _narrowest(self._ipv4, scopes[four], numbers.drop_nulls().to_numpy(), times[four])
        found[~four] = _narrowest(self._ipv6, scopes[~four], six, times[~four])
        return found

    def _connection_between(self, source: Ints, target: Ints, times: Ints) -> Ints:
        """The place of the connection that joined both at the time, ``NOBODY`` where none did."""
        if not len(self._land.pairs):
            return np.full(len(source), NOBODY, dtype=np.int64)
        both = (source >= 0) & (target >= 0)
        pairs = self._land.pair(np.minimum(source, target), np.maximum(source, target))
        places = np.minimum(np.searchsorted(self._land.pairs, pairs), len(self._land.pairs) - 1)
        joined = both & (self._land.pairs[places] == pairs)
        return self._carrying.find(np.where(joined, places, NOBODY), times)

    def _kinds(self, source: Ints, target: Ints, connection: Ints) -> Ints:
        outside = self._land.internet
        known, internet = (source >= 0) & (source < outside), source == outside
        reached, beyond = (target >= 0) & (target < outside), target == outside
        kinds = np.full(len(source), KINDS.index(UNKNOWN), dtype=np.int64)
        kinds[known & reached] = KINDS.index(OTHER)
        kinds[connection >= 0] = KINDS.index(CONNECTION)
        kinds[(known & beyond) | (internet & reached)] = KINDS.index(INTERNET)
        return kinds


def _narrowest(ranges: Ranges, scopes: Ints, addresses: Numbers, times: Ints) -> Ints:
    """As the observing network sees it, else as everybody does."""
    found = ranges.find(scopes, addresses, times)
    elsewhere = ranges.find(np.full_like(scopes, EVERYWHERE), addresses, times)
    return np.where(found == NOBODY, elsewhere, found)


def _sides(source: Ints, target: Ints, seen: Ints, egress: pl.Series) -> Ints:
    """Whose network saw it; what its own address does not tell, the exporter's word on the direction does."""
    at_source, at_target = source == seen, target == seen
    told = np.where(egress.fill_null(True).to_numpy(), 0, 1)
    told = np.where(at_target & ~at_source & (seen >= 0), 1, told)
    return np.where(at_source & ~at_target & (seen >= 0), 0, told)


def _named(places: Ints, names: pl.Enum, column: str) -> pl.Series:
    found = pl.Series(column, places)
    return found.set(found < 0, None).cast(pl.UInt32).cat.to(names)


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
