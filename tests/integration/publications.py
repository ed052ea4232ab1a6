"""What waits in an outbox, read as the events that will be published."""

from __future__ import annotations

from onenet_common.database import Database
from onenet_common.envelope import decode
from onenet_common.events import Event


async def published(database: Database, *, forget: bool = False) -> list[Event]:
    """Every event in the order of its publication.

    Args:
        forget: take them out, so that the next time only newer ones are found.
    """
    async with database.transaction() as connection:
        rows = await connection.fetch("SELECT headers, value FROM outbox ORDER BY id")
        if forget:
            await connection.execute("DELETE FROM outbox")
    messages = [
        decode(row["value"], [(name, text.encode()) for name, text in row["headers"].items()]) for row in rows
    ]
    return [message.event for message in messages if message is not None]
