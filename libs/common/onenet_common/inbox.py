"""The inbox: an event's id is written in the transaction that handles it, so none counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onenet_common.database import Connection
    from onenet_common.envelope import Message

TABLE = """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, consumer)
);
CREATE INDEX IF NOT EXISTS inbox_received_at ON inbox (received_at);
"""

INSERT = """
INSERT INTO inbox (event_id, consumer) SELECT id, $2 FROM unnest($1::uuid[]) AS id
ON CONFLICT DO NOTHING RETURNING event_id
"""

RETENTION_DAYS = 21
"""Longer than any topic keeps its records, dead letters too, so that no replay outlives its inbox."""


async def unseen(connection: Connection, consumer: str, messages: Sequence[Message]) -> list[Message]:
    """Record messages as handled; return those that were not, each once, in order."""
    once = {message.id: message for message in messages}
    # Sorted, so that two transactions with ids in common wait for, not deadlock, each other.
    fresh = {row["event_id"] for row in await connection.fetch(INSERT, sorted(once), consumer)}
    return [message for message in once.values() if message.id in fresh]
