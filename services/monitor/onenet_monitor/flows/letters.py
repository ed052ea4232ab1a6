"""Dead letters of flow logs: messages that cannot be counted, and samples of refused lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from onenet_common import dead_letters
from onenet_common.producer import Outgoing
from onenet_monitor.flows.formats import Refusal


@dataclass(slots=True)
class _Sample:
    """A line as if it were a message of its own."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def samples(first: ConsumerRecord, refused: Sequence[Refusal], group: str) -> list[Outgoing]:
    """A letter for each refused line; which message of the batch it was in is not known any more.

    Args:
        first: the first message of the batch.
    """
    return [
        dead_letters.wrap(
            _Sample(first.topic, first.partition, first.offset, None, one.text.encode()),
            code=one.reason,
            reason=f"{one.reason}: a line of a flow log, in one of the messages from this offset on",
            group=group,
        )
        for one in refused
    ]


def message(record: ConsumerRecord, error: BaseException, group: str) -> Outgoing:
    """A letter for a message that nothing can be made of."""
    return dead_letters.wrap(record, code=type(error).__name__, reason=str(error), group=group)
