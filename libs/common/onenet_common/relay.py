"""The relay moves the outbox to Kafka: in order, one relay per schema, woken after each commit.

The wake-up is a notification of its own, sent by the writer's process once its transaction has
committed. NOTIFY inside the transaction would be less to think about, but it holds a lock of the
whole server until the commit is on disk, so that no two commits share one flush.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import structlog

from onenet_common.background import Background
from onenet_common.database import Database
from onenet_common.durations import duration
from onenet_common.envelope import encode_headers
from onenet_common.producer import Outgoing, Producer
from onenet_common.telemetry import meter

log = structlog.get_logger(__name__)
_relayed = meter.create_counter("onenet.outbox.relayed", description="Outbox rows published")
_lag = duration("onenet.outbox.lag", "Age of the oldest row of a batch when published")
_leading = meter.create_gauge("onenet.relay.leading", description="1 in the process whose relay publishes")

BATCH = 500
REST = 0.005
"""Seconds between two looks at the outbox when it is written all the time."""


class Relay:
    """Publishes one schema's outbox, or tells the process that does.

    It listens and holds its advisory lock on one connection: when that ends, the lock is free
    for a standby, and this relay stops publishing until it has the lock again. A crash between
    the acknowledgement and the delete publishes a row twice; inboxes drop the second.

    Args:
        poll: seconds between looks when nobody wakes it, and between tries for the lock.
        silence: seconds after which the server takes the lock from a leader that is stopped: its
            connection stays open, and only its silence tells. More than a send may take.
    """

    def __init__(
        self, database: Database, producer: Producer, *, poll: float = 1.0, silence: float = 20.0
    ) -> None:
        self._database = database
        self._producer = producer
        self._poll = poll
        self._silence = silence
        self._channel = f"{database.schema}_outbox"
        self._written = database.outbox_written
        self._relaying = Background(f"relay {database.schema}", self._relay, longest_pause=2.0)
        self.leading = False

    async def start(self) -> None:
        self._lead_or_not(False)
        self._relaying.start()

    async def stop(self) -> None:
        """Publish what is there, within two seconds."""
        self._written.set()
        await self._relaying.stop(grace=2)

    async def _relay(self) -> None:
        connection = await self._database.connect()
        connection.add_termination_listener(self._wake)
        lock = f"relay {self._database.schema}"
        try:
            # A deletion that a crash takes back is one more event published twice.
            await connection.execute("SET synchronous_commit = off")
            await connection.execute(f"SET idle_session_timeout = {int(self._silence * 1000)}")
            while not (self._relaying.stopping.is_set() or connection.is_closed()):
                if await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", lock):
                    await self._lead(connection)
                else:
                    await self._stand_by(connection)
        finally:
            self._lead_or_not(False)
            connection.terminate()

    async def _lead(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        log.info("relay.leading", schema=self._database.schema)
        self._lead_or_not(True)
        await connection.add_listener(self._channel, self._wake)
        stopping = False
        while not (stopping or connection.is_closed()):
            # Read before the look at the table, so that the last look comes after the call to stop.
            stopping = self._relaying.stopping.is_set()
            self._written.clear()
            while await self._publish_batch(connection) == BATCH:
                pass
            if not stopping:
                await self._relaying.rest(REST)
                await self._until_written()

    def _lead_or_not(self, leading: bool) -> None:
        self.leading = leading
        _leading.set(int(leading), {"schema": self._database.schema})

    async def _stand_by(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        if await self._until_written():
            self._written.clear()
            await connection.execute("SELECT pg_notify($1, '')", self._channel)

    async def _until_written(self) -> bool:
        try:
            return await asyncio.wait_for(self._written.wait(), self._poll)
        except TimeoutError:
            return False

    def _wake(self, *_: Any) -> None:
        self._written.set()

    async def _publish_batch(self, connection: asyncpg.Connection[asyncpg.Record]) -> int:
        rows = await connection.fetch(
            "SELECT id, topic, key, headers, value, extract(epoch FROM now() - created_at)::float8 AS age "
            "FROM outbox ORDER BY id LIMIT $1",
            BATCH,
            timeout=10,
        )
        if not rows:
            return 0
        await self._producer.send(
            [
                Outgoing(
                    row["topic"],
                    row["key"].encode(),
                    row["value"],
                    encode_headers(json.loads(row["headers"])),
                )
                for row in rows
            ]
        )
        await connection.execute(
            "DELETE FROM outbox WHERE id = ANY($1)", [row["id"] for row in rows], timeout=10
        )
        # A clock that is set back in between makes an age of less than nothing.
        _lag.record(max(0.0, rows[0]["age"]), {"schema": self._database.schema})
        _relayed.add(len(rows), {"schema": self._database.schema})
        return len(rows)
