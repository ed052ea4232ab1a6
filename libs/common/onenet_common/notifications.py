"""LISTEN on a held connection: a wake-up that makes things fast, never one that must arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.errors import Transient
from onenet_common.postgres_errors import translated

log = structlog.get_logger(__name__)


class Listener:
    """Calls back for each notification, and reconnects when the connection ends.

    Args:
        channel: the channel's name, such as ``api_outbox``.
        notified: called with the payload; also with ``""`` after every reconnection, since
            notifications may have been missed.
    """

    def __init__(self, database: Database, channel: str, notified: Callable[[str], None]) -> None:
        self._database = database
        self._channel = channel
        self._notified = notified
        self._listening = Background(f"listen {channel}", self._listen)

    async def start(self) -> None:
        self._listening.start()

    async def stop(self) -> None:
        await self._listening.stop()

    async def _listen(self) -> None:
        ended = asyncio.Event()
        connection = await self._database.connect()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(self._channel, self._call)
            self._notified("")
            await ended.wait()
        finally:
            try:
                with translated():
                    await connection.close(timeout=2)
            except Transient:
                log.debug("listener.close_failed", channel=self._channel)

    def _call(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._notified(str(payload))
