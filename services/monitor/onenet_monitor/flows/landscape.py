"""The inventory as numbers: who claims which addresses and pairs of networks, and when. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import NamedTuple, TypeVar
from uuid import UUID

import numpy as np

from onenet_monitor.flows.inventory import Link, Network
from onenet_monitor.flows.moments import Claim, Ints
from onenet_monitor.flows.ranges import BACKGROUND, Range
from onenet_monitor.flows.space import EVERYWHERE
from onenet_monitor.flows.special import ROUTABLE, SPECIAL

_OWN, _JOINED, _ANYBODYS = range(BACKGROUND)
_FOREVER = int(np.iinfo(np.int64).max)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)

Place = TypeVar("Place", int, Ints)


class _State(NamedTuple):
    """A network as it was for a time, in microseconds."""

    place: int
    network: Network
    since: int
    until: int


class Landscape:
    """Networks and connections by their places, with all that is claimed for them.

    Attributes:
        resources, connections: ids by place.
        ranges: of addresses, each network's own view in the scope of its place plus 1. Their owners are
            places of networks, ``internet``, ``nowhere`` for addresses that are nobody's and not reachable
            over the internet, and from ``public`` on the places again, for what the internet knows
            networks by.
        pairs: codes of joined pairs, ascending; ``claims`` has the connections of each.
        observers: places by the provider's name for a network in lower case, and by account.
        changes: when anything changed, in microseconds, ascending.
    """

    def __init__(self, networks: Sequence[Network], links: Sequence[Link]) -> None:
        self.resources = sorted({str(one.resource_id) for one in networks})
        self.connections = sorted({str(one.connection_id) for one in links})
        self.internet = len(self.resources)
        self.nowhere = self.internet + 1
        self.public = self.internet + 2
        self._places = {UUID(resource): place for place, resource in enumerate(self.resources)}
        states = [
            _State(self._places[one.resource_id], one, microseconds(one.valid_from), _until(one.valid_until))
            for one in networks
        ]
        known = [one for one in links if one.left in self._places and one.right in self._places]
        self.ranges = [*_own(states), *self._joined(states, known), *self._anybodys(states)]
        self.pairs, self.claims = self._carried(known)
        self.observers = _observers(states)
        self.changes = np.unique(_changes([*networks, *links]))

    def pair(self, one: Place, other: Place) -> Place:
        """A code of two networks by their places, the lower one first."""
        return one * self.public + other

    def _joined(self, states: Iterable[_State], links: Iterable[Link]) -> Iterator[Range]:
        """What each network reaches over its connections, while they carried."""
        of: dict[int, list[_State]] = defaultdict(list)
        for state in states:
            of[state.place].append(state)
        for link in links:
            left, right = self._places[link.left], self._places[link.right]
            since, until = microseconds(link.valid_from), _until(link.valid_until)
            for here, there in ((left, right), (right, left)):
                for state in of[there]:
                    both = state._replace(since=max(state.since, since), until=min(state.until, until))
                    yield from _ranges(here + 1, _JOINED, both)

    def _anybodys(self, states: Iterable[_State]) -> Iterator[Range]:
        """All prefixes of all networks, and below them the internet and what is no part of it."""
        for state in states:
            yield from _ranges(EVERYWHERE, _ANYBODYS, state)
            for address in state.network.public_addresses:
                owner = self.public + state.place
                yield Range(EVERYWHERE, ip_network(address), _ANYBODYS, state.since, state.until, owner)
        for prefixes, owner in ((ROUTABLE, self.internet), (SPECIAL, self.nowhere)):
            for prefix in prefixes:
                yield Range(EVERYWHERE, prefix, BACKGROUND, 0, _FOREVER, owner)

    def _carried(self, links: Iterable[Link]) -> tuple[Ints, list[list[Claim]]]:
        """Which connection joined which pair when: of several, the one that did first."""
        number = {UUID(connection): place for place, connection in enumerate(self.connections)}
        pairs: dict[int, list[Claim]] = defaultdict(list)
        for rank, link in enumerate(sorted(links, key=lambda one: (one.valid_from, one.connection_id))):
            one, other = sorted((self._places[link.left], self._places[link.right]))
            since, until = microseconds(link.valid_from), _until(link.valid_until)
            pairs[self.pair(one, other)].append(Claim(rank, since, until, number[link.connection_id]))
        ordered = sorted(pairs)
        return np.array(ordered, dtype=np.int64), [pairs[pair] for pair in ordered]


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _until(moment: datetime | None) -> int:
    return _FOREVER if moment is None else microseconds(moment)


def _ranges(scope: int, precedence: int, state: _State) -> Iterator[Range]:
    for prefix in state.network.subnets:
        yield Range(scope, prefix, precedence, state.since, state.until, state.place)


def _own(states: Iterable[_State]) -> Iterator[Range]:
    for state in states:
        yield from _ranges(state.place + 1, _OWN, state)


def _observers(states: Iterable[_State]) -> Mapping[str, Mapping[str, int]]:
    observers: dict[str, dict[str, int]] = defaultdict(dict)
    for state in states:
        observers[state.network.native_id.lower()][state.network.account] = state.place
    return observers


def _changes(known: Iterable[Network | Link]) -> list[int]:
    moments = (moment for one in known for moment in (one.valid_from, one.valid_until))
    return [microseconds(moment) for moment in moments if moment is not None]
