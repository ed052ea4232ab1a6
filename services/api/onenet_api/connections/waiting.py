"""Following a change: requests that sleep until their connection is notified, in any replica."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from uuid import UUID

from onenet_common.database import Connection, Database
from onenet_common.notifications import Listener

CHANNEL = "api_connections"


class Changes:
    """Wakes who waits for a connection; a wake-up says *look again*, and no more."""

    def __init__(self, database: Database) -> None:
        self._listener = Listener(database, CHANNEL, self._notified)
        self._sleepers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.stopping = False

    async def start(self) -> None:
        await self._listener.start()

    async def stop(self) -> None:
        """Send everybody home, so that the server need not wait for those who wait."""
        self.stopping = True
        self._notified("")
        await self._listener.stop()

    @contextmanager
    def watch(self, connection_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set by every change from now on; its holder clears it."""
        changed = asyncio.Event()
        key = str(connection_id)
        self._sleepers[key].add(changed)
        try:
            yield changed
        finally:
            self._sleepers[key].discard(changed)
            if not self._sleepers[key]:
                del self._sleepers[key]

    def watchers(self, connection_id: UUID) -> int:
        """How many wait for a connection now."""
        return len(self._sleepers.get(str(connection_id), ()))

    def _notified(self, payload: str) -> None:
        # An empty payload follows a reconnection: anything may have been missed.
        woken = self._sleepers.get(payload, ()) if payload else chain(*self._sleepers.values())
        for changed in list(woken):
            changed.set()


async def notify(connection: Connection, connection_ids: Iterable[UUID]) -> None:
    """Wake who waits for these, when the transaction commits."""
    await connection.execute(
        "SELECT pg_notify($1, id) FROM unnest($2::text[]) AS id",
        CHANNEL,
        [str(one) for one in connection_ids],
    )
