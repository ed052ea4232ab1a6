"""Messages that may come twice: a collector that is killed publishes the rest of a file's part again. Pure.

Such a message carries an id in the header ``onenet_id``, which is the same whoever publishes it and
however often. One without counts as it comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from aiokafka import ConsumerRecord

HEADER = "onenet_id"


def identity(message: ConsumerRecord) -> UUID | None:
    """Its id; None when it has none that is one."""
    named = [value for name, value in message.headers if name == HEADER and value]
    try:
        return UUID(named[-1].decode()) if named else None
    except ValueError:
        return None


def identities(messages: Iterable[ConsumerRecord]) -> set[UUID]:
    return {id_ for message in messages if (id_ := identity(message)) is not None}


def news(messages: Iterable[ConsumerRecord], counted: Collection[UUID]) -> list[ConsumerRecord]:
    """Those that were not counted yet, each once."""
    seen = set(counted)
    found = []
    for message in messages:
        id_ = identity(message)
        if id_ is None or id_ not in seen:
            found.append(message)
        if id_ is not None:
            seen.add(id_)
    return found
