"""Where a connection hangs that is not as it should be: what each service's own rows say of it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg

_CONNECTION = """
SELECT state, reasons, generation, attempts, now() - published_at AS asked, now() - updated_at AS changed
FROM api.connections WHERE id = $1
"""
_LINK = """
SELECT phase, generation, attempts, reason, due_at - now() AS due_in, leased_until - now() AS leased_for
FROM provisioner.links WHERE connection_id = $1
"""
_TIMELINE = "SELECT type, generation, time FROM api.timeline WHERE connection_id = $1 ORDER BY time, id"
_WAITING = "SELECT count(*) AS rows, min(created_at) AS oldest FROM {}.outbox"


async def explain(database: str, connections: Iterable[UUID]) -> list[str]:
    """Lines for people who look for the cause."""
    server = await asyncpg.connect(database)
    try:
        lines = [
            f"{schema}'s outbox: {_told(await server.fetchrow(_WAITING.format(schema)))}"
            for schema in ("api", "provisioner", "monitor")
        ]
        for connection in connections:
            lines.append(f"{connection} at the API: {_told(await server.fetchrow(_CONNECTION, connection))}")
            lines.append(f"  at the provisioner: {_told(await server.fetchrow(_LINK, connection))}")
            events = await server.fetch(_TIMELINE, connection)
            lines += [f"  {one['time']:%H:%M:%S.%f} {one['type']} {one['generation']}" for one in events]
    finally:
        await server.close()
    return lines


def _told(row: asyncpg.Record | None) -> str:
    if row is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in row.items())
