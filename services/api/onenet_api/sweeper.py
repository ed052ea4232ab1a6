"""Levels, not edges: what has made no progress for a while is published again.

An event that was lost on its way, with a whole broker even, is thereby only late. Pauses double up
to a quarter of an hour, so that what simply takes long is not hammered. Rows are claimed with SKIP
LOCKED: several replicas share the work.
"""

from __future__ import annotations

from collections.abc import Sequence

from onenet_api.connections import model
from onenet_api.connections.decisions import deletion_of
from onenet_api.connections.store import READ
from onenet_common import outbox
from onenet_common.background import Background
from onenet_common.connection import Provider
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeletionRequested,
    ConnectionRequested,
    Event,
    ProviderDiscoveryRequested,
    ProviderRegistered,
)
from onenet_common.states import State
from onenet_common.telemetry import meter

BATCH = 200
"""Rows that one transaction publishes again."""
LONGEST_PAUSE = 900.0
"""Seconds between two repetitions, at most."""

WISHES = (ConnectionRequested, ConnectionDeletionRequested, ProviderRegistered, ProviderDiscoveryRequested)
"""What is published again."""

_republished = meter.create_counter("onenet.api.republished", description="Wishes published again, by type")

# $1 seconds without progress, $2 longest pause, $3 batch
_STUCK_CONNECTIONS = f"""
UPDATE connections AS c SET published_at = now(), attempts = c.attempts + 1
FROM (
    SELECT id FROM connections
    WHERE state IN ('REQUESTED', 'PROVISIONING', 'DELETING')
        AND published_at < now() - make_interval(secs => least($1 * 2 ^ least(attempts, 30), $2))
    ORDER BY published_at LIMIT $3 FOR UPDATE SKIP LOCKED
) AS stuck
WHERE c.id = stuck.id RETURNING {READ}
"""
# A provider is stuck while nobody has looked, and while we miss what the last look listed.
_STUCK_PROVIDERS = """
UPDATE providers AS p SET asked_at = now(), attempts = p.attempts + 1
FROM (
    SELECT id FROM providers AS o
    WHERE asked_at < now() - make_interval(secs => least($1 * 2 ^ least(attempts, 30), $2))
        AND (status = 'PENDING' OR discovered_at < now() - make_interval(secs => $1) AND announced <> (
            SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM resources
            WHERE provider = o.id AND state = 'PRESENT'
        ))
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED
) AS stuck
WHERE p.id = stuck.id RETURNING p.*
"""


class Sweeper:
    """Looks for what is stuck.

    Args:
        after: seconds without progress until the first repetition.
    """

    def __init__(self, database: Database, *, after: float) -> None:
        self._database = database
        self._after = after
        self._sweeping = Background("sweep", self.sweep, interval=after / 4)

    async def start(self) -> None:
        for wish in WISHES:
            # A series that begins with its first repetition shows no increase.
            _republished.add(0, {"type": wish.type})
        self._sweeping.start()

    async def stop(self) -> None:
        await self._sweeping.stop()

    async def sweep(self) -> None:
        """Publish again what is stuck now."""
        for publish_stuck in (self._connections, self._providers):
            while await publish_stuck() == BATCH:
                pass

    async def _connections(self) -> int:
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_STUCK_CONNECTIONS, self._after, LONGEST_PAUSE, BATCH)
            stuck = [model.Connection.model_validate(dict(row)) for row in rows]
            return await _publish(connection, [_in_its_trace(one) for one in stuck])

    async def _providers(self) -> int:
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_STUCK_PROVIDERS, self._after, LONGEST_PAUSE, BATCH)
            return await _publish(
                connection,
                [
                    Message.of(
                        ask_again(Provider.model_validate(dict(row)), pending=row["status"] == "PENDING")
                    )
                    for row in rows
                ],
            )


def again(stuck: model.Connection) -> Event:
    """The wish that a connection under way waits for somebody to act on; what is deleted is to be gone."""
    if stuck.state in (State.DELETING, State.DELETED):
        return deletion_of(stuck)
    return ConnectionRequested(connection_id=stuck.id, generation=stuck.generation, wish=stuck.wish)


def ask_again(provider: Provider, *, pending: bool) -> Event:
    """Ask for a look at a provider that nobody has looked at, or where what was seen got lost."""
    event = ProviderRegistered if pending else ProviderDiscoveryRequested
    return event(provider_id=provider.id, provider=provider)


def _in_its_trace(stuck: model.Connection) -> Message:
    """What is repeated belongs to the trace of the request that made no progress."""
    return Message.of(again(stuck), trace={"traceparent": stuck.traceparent} if stuck.traceparent else None)


async def _publish(connection: Connection, messages: Sequence[Message]) -> int:
    await outbox.publish(connection, messages)
    for message in messages:
        _republished.add(1, {"type": message.event.type})
    return len(messages)
