"""Whose traffic it is, and which connection carried it. Pure, and without work per record in Python.

An end is given to the network that has its address by the longest prefix, at the record's time. Where
addresses overlap, the network in which the traffic was observed decides: its own prefixes first, then
those of networks that a connection joined to it at that time, then all others, where two with the same
right to an address make it ambiguous, and so nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from onenet_monitor.flows.interning import Interner
from onenet_monitor.flows.inventory import Link, Network
from onenet_monitor.flows.landscape import Landscape, microseconds
from onenet_monitor.flows.moments import AMBIGUOUS, NOBODY, Ints, Moments
from onenet_monitor.flows.space import Located, Space

CONNECTION, INTERNET, OTHER, UNKNOWN = KINDS = ("connection", "internet", "other", "unknown")
KIND = pl.Enum(KINDS)
OBSERVER = pl.Enum(("source", "target"))

Flags = NDArray[np.bool_]

REMEMBERED = timedelta(days=40)
"""How far back who had what is asked; longer than what has ended is kept."""

MOST_KNOWN = 1 << 18
"""Addresses after which those that were looked up are forgotten; one takes some 100 bytes."""

MOST_NAMES = 1 << 14
"""The same of networks' names, of which an exporter may make up any that are as long as half a kilobyte."""

_BY_ACCOUNT = -3
"""A name that several accounts have."""


class Index:
    """The inventory as it was at each time, made for looking up.

    It belongs to one thread at a time: it remembers what it has looked up.

    Args:
        networks, links: all that is known, the past too.
        now: history ends ``REMEMBERED`` before it; what is older counts as if it were of then.
    """

    def __init__(self, networks: Sequence[Network], links: Sequence[Link], now: datetime) -> None:
        base = microseconds(now - REMEMBERED)
        self._land = land = Landscape(networks, links)
        self._resource, self._connection = pl.Enum(land.resources), pl.Enum(land.connections)
        self._space = Space(land.ranges, base)
        self._carrying = Moments(land.claims, base)
        self._forget()

    def _forget(self) -> None:
        self._located = Located(self._space)
        self._names = Interner(slot_bits=16)
        self._observer_of = np.array([NOBODY], dtype=np.int64)

    def place(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The canonical records with who has their ends, as numbers that ``name`` knows.

        Returns:
            the frame with ``source``, ``target``, ``seen``, in whose network it was observed, and
            ``epoch``: what is alike in these and in ``egress`` is named alike, whenever in the epoch it was.
        """
        if len(self._located) > MOST_KNOWN or len(self._names) > MOST_NAMES:
            self._forget()
        times = frame["start"].to_physical().to_numpy()
        epochs = self._epochs(times)
        seen = self._observed_in(frame)
        # One time stands for all when nothing changed in between.
        source, target = self._owners(frame, seen, times[:1] if (epochs == epochs[:1]).all() else times)
        return frame.with_columns(
            pl.Series("source", source),
            pl.Series("target", target),
            pl.Series("seen", seen),
            pl.Series("epoch", epochs),
        )

    def name(self, placed: pl.DataFrame) -> pl.DataFrame:
        """Whose it is, for records with the columns that ``place`` adds, or for what many alike come to.

        Returns:
            the frame with ``source``, ``target`` (resource ids) and ``connection``, each null where
            there is none; ``kind``; ``observer``, whose network saw it, ``source`` or ``target``;
            ``ambiguous``, whether an end is unknown since several networks have its address.
        """
        source, target, seen = (placed[name].to_numpy() for name in ("source", "target", "seen"))
        over_internet = (source >= self._land.public) | (target >= self._land.public)
        source, target = self._networks(source), self._networks(target)
        connection = self._connection_between(source, target, placed["start"].to_physical().to_numpy())
        connection = np.where(over_internet, NOBODY, connection)
        return placed.with_columns(
            _named(np.where(source < self._land.internet, source, NOBODY), self._resource, "source"),
            _named(np.where(target < self._land.internet, target, NOBODY), self._resource, "target"),
            _named(connection, self._connection, "connection"),
            _named(self._kinds(source, target, connection, over_internet), KIND, "kind"),
            _named(_sides(source, target, seen, placed["egress"]), OBSERVER, "observer"),
            pl.Series("ambiguous", (source == AMBIGUOUS) | (target == AMBIGUOUS)),
        ).drop("seen", "epoch")

    def _epochs(self, times: Ints) -> Ints:
        """Between which changes of the inventory each time is."""
        if len(times):
            first, last = np.searchsorted(self._land.changes, (times.min(), times.max()), side="right")
            if first == last:
                return np.full(len(times), first, dtype=np.int64)
        return np.searchsorted(self._land.changes, times, side="right").astype(np.int64)

    def _observed_in(self, frame: pl.DataFrame) -> Ints:
        """The place of each record's own network, ``NOBODY`` where that is not known."""
        names = self._names.numbers(frame["network"])
        fresh = [self._place_of(name) for name in self._names.texts[len(self._observer_of) :]]
        self._observer_of = np.concatenate([self._observer_of, np.array(fresh, dtype=np.int64)])
        seen = self._observer_of[names]
        shared = np.flatnonzero(seen == _BY_ACCOUNT)
        if len(shared):
            seen[shared] = self._by_account(frame["network", "account"][shared])
        return seen

    def _place_of(self, name: str) -> int:
        """The network that has this name, if it is one's alone."""
        places = set(self._land.observers.get(name.lower(), {}).values())
        if len(places) > 1:
            return _BY_ACCOUNT
        return places.pop() if places else NOBODY

    def _by_account(self, frame: pl.DataFrame) -> Ints:
        """The places of networks whose names others have as well."""
        pairs = frame.unique()
        observers = self._land.observers
        found = (observers[name.lower()].get(account, NOBODY) for name, account in pairs.iter_rows())
        places = pairs.with_columns(place=pl.Series(found, dtype=pl.Int64))
        joined = frame.join(places, on=frame.columns, how="left", nulls_equal=True, maintain_order="left")
        return joined["place"].to_numpy()

    def _owners(self, frame: pl.DataFrame, seen: Ints, times: Ints) -> tuple[Ints, Ints]:
        """Who has the source and the target of each record; what is known of an address is found once."""
        known = self._located
        ends = known.numbers(pl.concat([frame["src"], frame["dst"]]))
        if len(times) == 1:
            owners, whens = self._space.owners(known.places, times)[ends], times
        else:
            whens = np.concatenate([times, times])
            owners = self._space.owners(known.places[ends], whens)
        contested = np.flatnonzero(known.disputed[ends])
        if len(contested):
            scopes = np.concatenate([seen, seen])[contested] + 1
            at = whens if len(whens) == 1 else whens[contested]
            owners[contested] = self._space.seen_from(known.addresses.at(ends[contested]), scopes, at)
        return owners[: len(frame)], owners[len(frame) :]

    def _connection_between(self, source: Ints, target: Ints, times: Ints) -> Ints:
        """The place of the connection that joined both at the time, ``NOBODY`` where none did."""
        pairs = self._land.pair(np.minimum(source, target), np.maximum(source, target))
        pairs = np.where((source >= 0) & (target >= 0), pairs, NOBODY)
        return self._carrying.find(_places(self._land.pairs, pairs), times)

    def _networks(self, owners: Ints) -> Ints:
        """Networks by their places, whichever of their addresses it was."""
        return np.where(owners >= self._land.public, owners - self._land.public, owners)

    def _kinds(self, source: Ints, target: Ints, connection: Ints, over_internet: Flags) -> Ints:
        outside = self._land.internet
        known, internet = (source >= 0) & (source < outside), source == outside
        reached, beyond = (target >= 0) & (target < outside), target == outside
        kinds = np.full(len(source), KINDS.index(UNKNOWN), dtype=np.int64)
        kinds[known & reached] = KINDS.index(OTHER)
        kinds[connection >= 0] = KINDS.index(CONNECTION)
        kinds[(known & beyond) | (internet & reached) | (known & reached & over_internet)] = KINDS.index(
            INTERNET
        )
        return kinds


def _places(known: Ints, wanted: Ints) -> Ints:
    """Where each one is among the known, which ascend; ``NOBODY`` where it is not."""
    if not len(known):
        return np.full(len(wanted), NOBODY, dtype=np.int64)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, NOBODY)


def _sides(source: Ints, target: Ints, seen: Ints, egress: pl.Series) -> Ints:
    """Whose network saw it; what its own address does not tell, the exporter's word on the direction does."""
    at_source, at_target = source == seen, target == seen
    told = np.where(egress.fill_null(True).to_numpy(), 0, 1)
    told = np.where(at_target & ~at_source & (seen >= 0), 1, told)
    return np.where(at_source & ~at_target & (seen >= 0), 0, told)


def _named(places: Ints, names: pl.Enum, column: str) -> pl.Series:
    found = pl.Series(column, places)
    return found.set(found < 0, None).cast(pl.UInt32).cat.to(names)
