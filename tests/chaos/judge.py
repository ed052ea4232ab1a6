"""What must be true after the storm: pure, from what was seen to what is wrong with it.

Whoever adds a rule adds the snapshot that breaks it to ``test_judge.py``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from onenet_common.states import State

ONE_AT_A_TIME = ("onenet-api", "onenet-provisioner")
"""Producers that hold the connection's row while they write: what they say of it is in order."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection as the API shows it; ``left`` and ``right`` are the blocks that were asked for."""

    state: str
    left_vpc: str
    right_vpc: str
    left: frozenset[str] = frozenset()
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Published:
    """One record of the topic, in the order in which the subscriber received them."""

    id: UUID
    connection: UUID
    happening: str
    generation: int
    producer: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering at the cloud; ``tagged`` are the connections that its tags name."""

    id: str
    requester: str
    accepter: str
    live: bool
    tagged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """A route over a peering."""

    vpc: str
    destination: str
    peering: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    topic: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that was seen.

    Args:
        wanted: what the last accepted request asked for, by connection.
        rebuilt: states by connection, as the topic alone tells them.
        timelines: ids of events, by connection, as the API shows them.
    """

    wanted: Mapping[UUID, str] = field(default_factory=dict)
    shown: Mapping[UUID, Shown] = field(default_factory=dict)
    published: Sequence[Published] = ()
    rebuilt: Mapping[UUID, str] = field(default_factory=dict)
    timelines: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict)
    peerings: Sequence[Peering] = ()
    routes: Sequence[Route] = ()
    dead: Sequence[DeadLetter] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be, and the rule that says so."""

    rule: str
    what: str


Rule = Callable[[Snapshot], Iterable[str]]


def judge(seen: Snapshot) -> list[Finding]:
    """Everything that is wrong; empty when all is as it should be."""
    return [Finding(name, what) for name, rule in RULES.items() for what in rule(seen)]


def unsettled(seen: Snapshot) -> list[UUID]:
    """Connections that are not as they were asked for last."""
    return [
        connection
        for connection, state in seen.wanted.items()
        if connection not in seen.shown or seen.shown[connection].state != state
    ]


def wrong_states(seen: Snapshot) -> Iterator[str]:
    for connection in unsettled(seen):
        shown = seen.shown.get(connection)
        is_ = shown.state if shown else "not shown"
        yield f"{connection} is {is_}, and {seen.wanted[connection]} was asked for last"


def strangers(seen: Snapshot) -> Iterator[str]:
    """A request that was sent several times must not have made two connections."""
    for connection in seen.shown.keys() - seen.wanted.keys():
        yield f"{connection} is shown, and nobody was told that it was accepted"


def peerings(seen: Snapshot) -> Iterator[str]:
    """One live peering for each established pair, none for any other."""
    expected = Counter(
        (shown.left_vpc, shown.right_vpc) for shown in seen.shown.values() if shown.state == State.ESTABLISHED
    )
    live = Counter((one.requester, one.accepter) for one in seen.peerings if one.live)
    for pair in sorted(expected.keys() | live.keys()):
        if expected[pair] != live[pair]:
            yield f"{pair[0]} and {pair[1]} have {live[pair]} live peerings instead of {expected[pair]}"


def made_twice(seen: Snapshot) -> Iterator[str]:
    """No drift was caused, so nothing had to be made anew: one peering in a connection's whole life."""
    made = Counter(name for one in seen.peerings for name in one.tagged)
    for connection, count in made.items():
        if count > 1:
            yield f"{count} peerings were made for {connection}"


def tags(seen: Snapshot) -> Iterator[str]:
    """A live peering bears the name of an established connection, and no other."""
    for one in seen.peerings:
        if not one.live:
            continue
        if len(one.tagged) != 1:
            yield f"{one.id} is tagged with {len(one.tagged)} connections"
        for name in one.tagged:
            shown = seen.shown.get(UUID(name))
            if shown is None or shown.state != State.ESTABLISHED:
                yield f"{one.id} is tagged with {name}, which is {shown.state if shown else 'unknown'}"


def routes(seen: Snapshot) -> Iterator[str]:
    """Each side of an established pair leads to all of the other's blocks; nothing else leads anywhere."""
    by_pair = {(one.requester, one.accepter): one.id for one in seen.peerings if one.live}
    expected: Counter[Route] = Counter()
    for shown in seen.shown.values():
        if shown.state != State.ESTABLISHED:
            continue
        peering = by_pair.get((shown.left_vpc, shown.right_vpc), "none")
        expected.update(Route(shown.left_vpc, block, peering) for block in shown.right)
        expected.update(Route(shown.right_vpc, block, peering) for block in shown.left)
    there = Counter(seen.routes)
    for route in (expected - there).elements():
        yield f"{route.vpc} has no route to {route.destination} over {route.peering}"
    for route in (there - expected).elements():
        yield f"{route.vpc} has a route to {route.destination} over {route.peering} that nobody asked for"


def lost_events(seen: Snapshot) -> Iterator[str]:
    """What the API tells of a connection was on the topic, too, and the other way round.

    A wish that made no progress is published again, which is no news for a timeline.
    """
    told: defaultdict[UUID, set[UUID]] = defaultdict(set)
    wishes: set[tuple[UUID, str, int]] = set()
    for event in _once(seen.published):
        told[event.connection].add(event.id)
        if event.producer == "onenet-api":
            wish = (event.connection, event.happening, event.generation)
            if wish in wishes:
                continue
            wishes.add(wish)
        if event.id not in seen.timelines.get(event.connection, ()):
            at = f"{event.time:%H:%M:%S}"
            yield f"{event.happening} of {event.connection}, from {at}, never came onto its timeline"
    for connection, timeline in seen.timelines.items():
        for lost in timeline - told[connection]:
            yield f"event {lost} of {connection} never came on the topic"


def subscriber(seen: Snapshot) -> Iterator[str]:
    """Whoever listened all the time knows the same states as the API."""
    for connection, shown in seen.shown.items():
        rebuilt = seen.rebuilt.get(connection)
        if rebuilt != shown.state:
            yield f"a subscriber has {connection} as {rebuilt}, the API as {shown.state}"


def disorder(seen: Snapshot) -> Iterator[str]:
    """The first time that an event comes, it comes after those that its producer wrote before it."""
    latest: dict[tuple[UUID, str], Published] = {}
    for event in _once(seen.published):
        key = (event.connection, event.producer)
        before = latest.get(key)
        if event.producer in ONE_AT_A_TIME and before is not None and event.time < before.time:
            yield f"{event.happening} of {event.connection} came after {before.happening}, which is newer"
        latest[key] = event


def dead_letters(seen: Snapshot) -> Iterator[str]:
    """Nobody has sent poison: there is nothing that could explain one."""
    for letter in seen.dead:
        yield f"{letter.topic}: {letter.code}: {letter.reason}"


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        wrong_states,
        strangers,
        peerings,
        made_twice,
        tags,
        routes,
        lost_events,
        subscriber,
        disorder,
        dead_letters,
    )
}


def redelivered(published: Sequence[Published]) -> int:
    """How many records repeat an earlier one, as at-least-once delivery allows."""
    return len(published) - len({event.id for event in published})


def _once(published: Iterable[Published]) -> Iterator[Published]:
    known: set[UUID] = set()
    for event in published:
        if event.id not in known:
            known.add(event.id)
            yield event
