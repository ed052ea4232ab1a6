"""Where a stream begins: at an earlier position, at a time, or now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import TopicPartition

from onenet_api.events.positions import Positions

Offsets = dict[TopicPartition, int]
OfPartitions = Mapping[TopicPartition, int]


class Start(NamedTuple):
    """Args:
    gap: something between the position asked for and this one is not kept any more.
    """

    offsets: Offsets
    gap: bool


def resumed(asked: Positions, first: OfPartitions, end: OfPartitions) -> Start:
    """What comes after a position that was told earlier.

    A partition that the position does not know was added later: all of it is new. One that ends before
    the position was lost and made anew.
    """
    offsets: Offsets = {}
    gap = False
    for partition in end:
        offset = asked.get((partition.topic, partition.partition), first[partition])
        if not first[partition] <= offset <= end[partition]:
            offset, gap = first[partition], True
        offsets[partition] = offset
    return Start(offsets, gap)


def behind(offsets: OfPartitions, positions: OfPartitions) -> int:
    """How many records lie between."""
    return sum(max(0, positions[one] - offset) for one, offset in offsets.items() if one in positions)


def is_present(asked: Positions, positions: OfPartitions) -> bool:
    """Whether nothing has happened since a position."""
    return asked == {(one.topic, one.partition): offset for one, offset in positions.items()}
