"""What must be true besides where no call fails and nobody is killed: pure, as the judge's rules are.

Whoever adds a rule adds the evidence that breaks it to ``test_calm.py``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.chaos.judge import Finding, Published

Field = str
View = Mapping[Field, object]
"""A connection's fields."""


@dataclass(frozen=True, slots=True)
class Written:
    """A row of an outbox, in the order of its ids; ``producer`` is the service that wrote it."""

    id: UUID
    connection: UUID
    producer: str


@dataclass(frozen=True, slots=True)
class Change:
    """A call that changed something at the cloud.

    Args:
        link: the two networks that it was about.
        account: where it was made; a worker has another key in each.
        key: the access key that signed it, of which each worker has its own.
        what: operation and arguments.
        began, ended: seconds since the epoch.
    """

    link: frozenset[str]
    account: str
    key: str
    what: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen.

    Args:
        shown: connections as the API shows them.
        folded: connections as the topic alone tells of them.
    """

    written: Sequence[Written] = ()
    published: Sequence[Published] = ()
    changes: Sequence[Change] = ()
    shown: Mapping[UUID, View] = field(default_factory=dict)
    folded: Mapping[UUID, View] = field(default_factory=dict)


def examine(seen: Evidence) -> list[Finding]:
    """Everything that is wrong; empty when all is as it should be."""
    return [Finding(name, what) for name, rule in RULES.items() for what in rule(seen)]


def two_at_once(seen: Evidence) -> Iterator[str]:
    """A link has one worker at a time, who makes no call a second time before its answer is there."""
    by_link: defaultdict[tuple[frozenset[str], str], list[Change]] = defaultdict(list)
    for change in sorted(seen.changes, key=lambda one: one.began):
        under_way = [one for one in by_link[change.link, change.account] if one.ended > change.began]
        for other in under_way:
            if other.key != change.key or other.what == change.what:
                yield f"{change.what} began while {other.what} was under way, for {sorted(change.link)}"
        by_link[change.link, change.account] = [*under_way, change]


def order(seen: Evidence) -> Iterator[str]:
    """What one service wrote of one connection is on the topic, all of it, in the order of its outbox."""
    wrote: defaultdict[tuple[str, UUID], list[UUID]] = defaultdict(list)
    for row in seen.written:
        wrote[row.producer, row.connection].append(row.id)
    came: defaultdict[tuple[str, UUID], dict[UUID, None]] = defaultdict(dict)
    for event in seen.published:
        came[event.producer, event.connection].setdefault(event.id)
    for (producer, connection), ids in wrote.items():
        if ids != (there := list(came[producer, connection])):
            yield f"{producer} wrote {ids} of {connection}, and {there} came"


def twice(seen: Evidence) -> Iterator[str]:
    """What an outbox held came once: its relay was stopped in order, if at all."""
    times = Counter(event.id for event in seen.published)
    for row in seen.written:
        if times[row.id] > 1:
            yield f"event {row.id} of {row.connection}, by {row.producer}, came {times[row.id]} times"


def projection(seen: Evidence) -> Iterator[str]:
    """The API shows what the events of the topic amount to."""
    for connection, shown in seen.shown.items():
        folded = seen.folded.get(connection, {})
        for name, value in shown.items():
            if (other := folded.get(name)) != value:
                yield f"{connection} is shown with {name} {value!r}, and by its events it is {other!r}"


Rule = Callable[[Evidence], Iterable[str]]

RULES: dict[str, Rule] = {rule.__name__: rule for rule in (two_at_once, order, twice, projection)}
