"""Traffic of every sort around every limit, and its sums made the slow way: one row after the other.

What counts is said once more here, in Python and without a thought of speed, so that it can be held
against what the monitor's SQL makes of the same traffic.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from onenet_monitor.flows import buckets, rollup, store
from onenet_monitor.flows.partitions import make
from tests.integration.monitor_scene import PARTITIONED, MonitorScene, Traffic

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
"""Of a day, of two days, of an hour and of the month, each begins in the midst of the traffic."""
MONTH = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_LIMITS = (MONTH, NOW - 2 * DAY, NOW - DAY, NOW - HOUR)
MOMENTS = (
    *(moment for limit in _LIMITS for moment in (limit - MINUTE, limit)),
    *(NOW - back for back in (20 * MINUTE, 19 * MINUTE, MINUTE)),
)
"""The minutes to either side of each limit, and some that share an hour."""

_PORTS = ((6, 22), (6, 443), (17, 443), (17, 53))


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection and the networks that it joins."""

    connection: UUID
    left: UUID
    right: UUID


def varied(connections: Sequence[Joined], strangers: Sequence[UUID]) -> list[Traffic]:
    """The same every time: at each moment every connection and kind, often seen by both ends.

    Args:
        strangers: networks that talk to each other over no connection.
    """
    chance = random.Random(2026)
    traffic = []
    for at in MOMENTS:
        for one in _at(chance, at, connections, strangers):
            traffic.append(one)
            # What both see differs by what got lost; at times one end has logged more services.
            if chance.random() < 0.6:
                other = "target" if one.observer == "source" else "source"
                traffic.append(one.seen_by(other, _size(chance)))
            if chance.random() < 0.5:
                protocol, port = chance.choice(_PORTS)
                traffic.append(replace(one, protocol=protocol, port=port, accepted=_coin(chance)))
            if chance.random() < 0.5:
                traffic.append(one.back(_size(chance)))
    return traffic


def _at(
    chance: random.Random, at: datetime, connections: Sequence[Joined], strangers: Sequence[UUID]
) -> Iterator[Traffic]:
    """One conversation of each connection, and one of each other kind; those of connections let through."""
    for joined in connections:
        ends = (joined.left, joined.right)
        yield _one(chance, at, "connection", ends, connection=joined.connection)
    one = chance.choice(connections)
    yield _one(chance, at, "internet", (one.left, chance.choice((None, one.right))), accepted=_coin(chance))
    yield _one(chance, at, "other", chance.sample(strangers, 2), accepted=_coin(chance))
    yield _one(chance, at, "unknown", (chance.choice(strangers), None), accepted=_coin(chance))


def _one(
    chance: random.Random, at: datetime, kind: str, ends: Sequence[UUID | None], **other: Any
) -> Traffic:
    """Of any size, in either direction, over any port, seen by either end."""
    source, target = chance.sample(ends, 2)
    protocol, port = chance.choice(_PORTS)
    return Traffic(
        at,
        source,
        target,
        kind=kind,
        observer=chance.choice(("source", "target")),
        protocol=protocol,
        port=port,
        reply=_coin(chance),
        bytes=_size(chance),
        packets=chance.randrange(1, 1000),
        flows=chance.randrange(1, 100),
        **other,
    )


def _coin(chance: random.Random) -> bool:
    return chance.random() < 0.5


def _size(chance: random.Random) -> int:
    return chance.randrange(1, 1_000_000)


async def count_as_before(monitor: MonitorScene, traffic: Sequence[Traffic]) -> None:
    """As a release did that counted dependencies by their observer."""
    await monitor.count(*traffic)


async def count_as_now(monitor: MonitorScene, traffic: Sequence[Traffic]) -> None:
    """By the monitor's own counting, in several batches that meet in the same rows."""
    for partitioned in PARTITIONED:
        await make(monitor.database, partitioned, {one.at.date() for one in traffic})
    for first in range(3):
        minutes = buckets.minutes([_named(traffic[first::3])])
        await store.add(monitor.database, (), minutes, buckets.dependencies(minutes))
    _, hours = PARTITIONED
    while await rollup.roll_up(monitor.database, hours, min(one.at for one in traffic) - DAY):
        pass


Counting = Callable[[MonitorScene, Sequence[Traffic]], Coroutine[Any, Any, None]]
COUNTING: tuple[Counting, ...] = (count_as_now, count_as_before)


def _named(traffic: Iterable[Traffic]) -> pl.DataFrame:
    """What is known to be whose, as ``attribution`` gives it."""
    named = ("connection", "source", "target")
    told = ("kind", "observer", "protocol", "port", "reply", "accepted", "bytes", "packets", "flows")
    rows = [
        {
            "minute": one.at,
            **{name: str(end) if (end := getattr(one, name)) else None for name in named},
            **{name: getattr(one, name) for name in told},
        }
        for one in traffic
    ]
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(named, pl.String))


def once(traffic: Iterable[Traffic], step: timedelta) -> Iterator[Traffic]:
    """By the step in which it was: what the sender's network saw, else what the receiver's did.

    The sender's network counts for all that went from the one to the other in that step.
    """
    together = defaultdict(list)
    for one in traffic:
        since = one.at - (one.at - datetime.min.replace(tzinfo=UTC)) % step
        way = (since, one.connection, one.kind, one.source, one.target, one.accepted)
        together[way].append(replace(one, at=since))
    for seen in together.values():
        by_sender = [one for one in seen if one.observer == "source"]
        yield from by_sender or seen


def client(one: Traffic) -> UUID | None:
    """Who opened the conversation."""
    return one.target if one.reply else one.source


def server(one: Traffic) -> UUID | None:
    """Who has the service's port."""
    return one.source if one.reply else one.target


def observed_in(one: Traffic) -> UUID | None:
    """Whose flow log it was in."""
    return one.source if one.observer == "source" else one.target
