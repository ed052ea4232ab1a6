"""Whether the database answers, and how much waits in the outbox for the relay.

Every replica measures, the leader of the relay or not: what waits is seen when nobody leads, too.
"""

from __future__ import annotations

import asyncio

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.telemetry import meter

SECONDS = 5.0
TIMEOUT = 5.0
"""Seconds for the look; a pool that has no connection free for so long is as bad as no database."""

_up = meter.create_gauge("onenet.database.up", description="1 when the database answered the last look")
COUNTED = 10_000
"""Rows that are counted at most: a look must stay cheap when the outbox is long."""

_depth = meter.create_gauge(
    "onenet.outbox.depth", description=f"Outbox rows that wait for the relay; {COUNTED} means as many or more"
)
_age = meter.create_gauge(
    "onenet.outbox.oldest_age", unit="s", description="Age of the row that the relay takes next"
)

_WAITING = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS depth,
    coalesce((
        SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY id LIMIT 1
    ), 0)::float8 AS age
"""


class Backlog:
    """Looks every few seconds.

    Args:
        interval: seconds between two looks.
    """

    def __init__(self, database: Database, *, interval: float = SECONDS) -> None:
        self._database = database
        self._labels = {"schema": database.schema}
        self._looking = Background(f"measure {database.schema}", self._look, interval=interval)

    async def start(self) -> None:
        self._looking.start()

    async def stop(self) -> None:
        await self._looking.stop()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT), self._database.acquire() as connection:
                row = await connection.fetchrow(_WAITING, COUNTED)
        except Exception:
            _up.set(0, self._labels)
            raise
        _up.set(1, self._labels)
        if row is not None:
            _depth.set(row["depth"], self._labels)
            _age.set(row["age"], self._labels)
