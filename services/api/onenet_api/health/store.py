"""What the monitor tells of a connection's health, read through the views that it publishes.

They are in its own schema of the same database, which may not be there yet: services start in any order.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from onenet_api.monitored import reading
from onenet_common.database import Connection

MONTHS = 13
"""So many are told: the one that goes on, and those of a year before it."""

_HEALTH = """
SELECT health, since, reasons, sources, now() AS now FROM monitor.connection_health WHERE connection_id = $1
"""
_AVAILABILITY = """
SELECT month, available_seconds, degraded_seconds, down_seconds, unknown_seconds
FROM monitor.connection_availability
WHERE connection_id = $1 ORDER BY month DESC LIMIT $2
"""


async def read(connection: Connection, connection_id: UUID) -> tuple[Any | None, list[Any]]:
    """The verdict's row, None when there is no verdict, and a row per month, the latest first.

    Raises:
        Problem: the monitor's views are not here, or not for us.
    """
    with reading():
        verdict = await connection.fetchrow(_HEALTH, connection_id)
        months = await connection.fetch(_AVAILABILITY, connection_id, MONTHS)
    return verdict, list(months)
