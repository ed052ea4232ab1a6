"""The index of the inventory, made again when the inventory has changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from onenet_common.database import Database
from onenet_monitor.flows import inventory_store
from onenet_monitor.flows.attribution import Index

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=1)
"""After which an index is made again in any case, since it reaches a few weeks beyond its making."""


class Knowledge:
    """Asks the database before each use whether the index is still true: one row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = -1
        self._made_at = datetime.min.replace(tzinfo=UTC)
        self._index = Index([], [], datetime.now(UTC))

    async def index(self) -> Index:
        """The inventory as the database has it now.

        Raises:
            Transient: when the database is away.
        """
        now = datetime.now(UTC)
        async with self._database.acquire() as connection:
            # Asked before the rows: what changes in between is noticed the next time.
            version = await inventory_store.version(connection)
            if version == self._version and now - self._made_at < LONGEST:
                return self._index
            networks = await inventory_store.networks(connection)
            links = await inventory_store.links(connection)
        self._index = await asyncio.to_thread(Index, networks, links, now)
        self._version, self._made_at = version, now
        log.info("flows.inventory", version=version, networks=len(networks), links=len(links))
        return self._index
