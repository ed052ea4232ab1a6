"""What a service's schema no longer needs is deleted a little at a time."""

from __future__ import annotations

from onenet_common import inbox
from onenet_common.background import Background
from onenet_common.database import Database

SECONDS = 600.0


class Housekeeping:
    """Empties the inbox of what no redelivery can bring back.

    Args:
        interval: seconds between two rounds.
    """

    def __init__(self, database: Database, *, interval: float = SECONDS) -> None:
        self._database = database
        self._cleaning = Background(f"clean {database.schema}", self._clean, interval=interval)

    async def start(self) -> None:
        self._cleaning.start()

    async def stop(self) -> None:
        await self._cleaning.stop()

    async def _clean(self) -> None:
        async with self._database.acquire() as connection:
            while await inbox.forget(connection):
                pass
