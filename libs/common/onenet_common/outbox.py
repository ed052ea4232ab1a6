"""The outbox: events are written in the transaction that causes them, and published from there.

A row leaves the table once the broker has acknowledged it. Rows are published in the order of
their ids; a transaction that holds the row of its connection while it writes gives the events of
one connection ids in the order of its commits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onenet_common.database import Connection
    from onenet_common.envelope import Message

TABLE = """
CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""

INSERT = """
INSERT INTO outbox (topic, key, headers, value)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])
"""


def rows(messages: Sequence[Message]) -> tuple[list[str], list[str], list[str], list[bytes]]:
    """The columns of ``INSERT``, for a statement that writes the outbox beside something else."""
    return (
        [message.event.topic for message in messages],
        [message.event.key for message in messages],
        [json.dumps(message.headers()) for message in messages],
        [message.value() for message in messages],
    )


async def publish(connection: Connection, messages: Sequence[Message]) -> None:
    """Write messages into the outbox of the transaction that is open."""
    if messages:
        columns: tuple[Any, ...] = rows(messages)
        await connection.execute(INSERT, *columns)
