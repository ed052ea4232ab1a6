"""What would have to be done so that a topic is as it should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REORDERS = (
    "from then on a key may fall in another partition: of its events that wait unread, later ones may be "
    "handled before earlier ones; stop the services or let them catch up first"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker describes it.

    Args:
        configuration: the values in force, also those that the broker chose.
        overrides: those that were set for this topic.
    """

    partitions: int
    configuration: Mapping[str, str]
    overrides: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One topic that is not as it should be.

    Args:
        partitions: how many it should have; None when there are enough.
        configuration: what it should be told that it is not told now.
        words: each difference, for people.
    """

    topic: str
    missing: bool = False
    partitions: int | None = None
    configuration: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def difference(
    topic: str, found: Found | None, partitions: int, configuration: Mapping[str, str]
) -> Difference | None:
    """What is different; None when nothing is. More partitions than wanted stay: there is no way back.

    Args:
        found: None when there is no such topic.
        partitions, configuration: as they should be.
    """
    if found is None:
        told = [f"{name}={value}" for name, value in configuration.items()]
        return Difference(topic, missing=True, words=(f"missing: {partitions} partitions", *told))
    changes = {name: value for name, value in configuration.items() if found.configuration.get(name) != value}
    words = [f"{name}: {found.configuration.get(name, 'not told')} -> {new}" for name, new in changes.items()]
    more = found.partitions < partitions
    if more:
        words.append(f"partitions: {found.partitions} -> {partitions} ({REORDERS})")
    if not words:
        return None
    return Difference(
        topic, partitions=partitions if more else None, configuration=changes, words=tuple(words)
    )
