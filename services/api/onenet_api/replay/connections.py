"""Connections brought up to what their topic tells, beside APIs that run or without one.

First all versions are read, then the topic, so that it tells at least what a row of that version
shows. A row that has another version when it is to be written is alive, and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from onenet_api.connections import model, store, timeline
from onenet_api.connections.lives import Life, Lives, Settled, differing, settle
from onenet_api.connections.retold import OURS
from onenet_api.connections.waiting import notify
from onenet_api.sweeper import again
from onenet_common import outbox
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message, decode
from onenet_common.events import CONNECTIONS, ConnectionEvent
from onenet_common.past import Past, Told
from onenet_common.replaying import Findings, Options
from onenet_common.states import LIVE

BATCH = 200
"""Connections that one transaction writes."""

_TIMELINE = "SELECT id FROM timeline WHERE id = ANY($1)"
_TIMELINES = "SELECT connection_id, id FROM timeline WHERE connection_id = ANY($1)"
_WAITING = "SELECT headers, value FROM outbox WHERE topic = $1 ORDER BY id"
_INSERT = f"""
INSERT INTO connections ({store.COLUMNS})
SELECT {store.COLUMNS} FROM jsonb_populate_recordset(NULL::connections, $1)
"""


async def replay(
    past: Past, topic: str, database: Database, findings: Findings, options: Options, kept_since: datetime
) -> None:
    """Compare every connection of the topic with its row, and write those that differ.

    Args:
        kept_since: when the timeline begins; what is older was on it.
    """
    async with database.acquire() as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            before = await _Before.read(connection)
        lives = Lives()
        await past.look_up_committed()
        async for batch in past.read(topic):
            await _take(await _ours(past, batch, connection), connection, lives, kept_since)
        await _take(before.waiting, connection, lives, kept_since)
    # What came to its end gives its pair of networks free for what came after it.
    ids = sorted(lives.by_id, key=lambda one: (_is_live(lives.by_id[one]), one))
    for first in range(0, len(ids), BATCH):
        part = {one: lives.by_id[one] for one in ids[first : first + BATCH]}
        async with database.transaction() as connection:
            await _bring_up(connection, part, before, findings, options)


@dataclass(frozen=True, slots=True)
class _Before:
    """What there was before the topic was read.

    Args:
        versions: of connections, by their ids.
        waiting: events that are not published yet: the topic's end, to be.
    """

    versions: Mapping[UUID, int]
    services: frozenset[UUID]
    waiting: list[Message] = field(default_factory=list)

    @classmethod
    async def read(cls, connection: Connection) -> _Before:
        versions = await connection.fetch("SELECT id, version FROM connections")
        services = await connection.fetch("SELECT id FROM services")
        rows = await connection.fetch(_WAITING, CONNECTIONS)
        events = (
            decode(row["value"], [(name, text.encode()) for name, text in row["headers"].items()])
            for row in rows
        )
        return cls(
            {row["id"]: row["version"] for row in versions},
            frozenset(row["id"] for row in services),
            [event for event in events if event is not None],
        )


async def _ours(past: Past, batch: Sequence[Told], connection: Connection) -> list[Message]:
    """What took effect: our own events when they were written, others' when they were handled."""
    handled = {(told.partition, told.offset) for told in await past.handled(batch, connection)}
    return [
        told.message
        for told in batch
        if isinstance(told.message.event, ConnectionEvent)
        and (told.message.source == OURS or (told.partition, told.offset) in handled)
    ]


async def _take(
    messages: Sequence[Message], connection: Connection, lives: Lives, kept_since: datetime
) -> None:
    if unknown := lives.without_beginning(messages):
        lives.go_on(await store.read(connection, sorted(unknown)))
    rows = await connection.fetch(_TIMELINE, [message.id for message in messages])
    pruned = {message.id for message in messages if message.time < kept_since}
    lives.take(messages, pruned | {row["id"] for row in rows})


async def _bring_up(
    connection: Connection, lives: Mapping[UUID, Life], before: _Before, findings: Findings, options: Options
) -> None:
    rows = await store.locked(connection, "c.id = ANY($1)", list(lives))
    timelines: dict[UUID, set[UUID]] = {one: set() for one in lives}
    for entry in await connection.fetch(_TIMELINES, list(lives)):
        timelines[entry["connection_id"]].add(entry["id"])
    for one, life in lives.items():
        row = rows.get(one)
        if (row.version if row else None) != before.versions.get(one):
            continue  # it is alive, and what it is now is newer than what was read
        settled = settle(row, life, timelines[one], before.services, restored=options.restored)
        if settled.left:
            findings.left.append(f"connection {one}: {settled.left}")
        elif words := differing(row, settled):
            if not options.dry_run and not await _written(connection, one, row, settled):
                findings.left.append(f"connection {one}: its networks have another live connection here")
                continue
            findings.differences.append(f"connection {one} {words}")


async def _written(connection: Connection, one: UUID, row: model.Connection | None, settled: Settled) -> bool:
    """Write all that is lacking; False when the pair has another live connection."""
    changed = settled.connection
    try:
        async with connection.transaction():
            if changed is not None and row is None:
                await connection.execute(_INSERT, store.rows([changed]))
            elif changed is not None:
                await store.update(connection, [changed])
    except asyncpg.UniqueViolationError:
        return False
    await timeline.record(connection, settled.missing)
    if changed is not None and settled.hand_on:
        await outbox.publish(connection, [Message.of(again(changed))])
    await notify(connection, [one])
    return True


def _is_live(life: Life) -> bool:
    return life.connection is not None and life.connection.state in LIVE
