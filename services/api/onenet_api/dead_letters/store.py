"""Which dead letters were replayed, by whom: a row each, which a second replay runs into."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias
from uuid import UUID

import asyncpg

from onenet_api.dead_letters.letters import Summary
from onenet_common.database import Connection

_CLAIM = """
INSERT INTO replays (id, letter, actor) SELECT id, letter, $3
FROM unnest($1::uuid[], $2::text[]) AS asked (id, letter)
ON CONFLICT DO NOTHING RETURNING id
"""
_FIND = "SELECT id, actor, replayed_at FROM replays WHERE id = ANY($1::uuid[])"


Replay: TypeAlias = asyncpg.Record
"""A row of the table."""


async def claim(connection: Connection, letters: Collection[Summary], actor: str) -> set[UUID]:
    """The letters that nobody has replayed, and nobody else can from now on: another transaction
    that wants them waits for this one."""
    # Sorted, so that two transactions with letters in common wait for, not deadlock, each other.
    ordered = sorted(letters, key=lambda letter: letter.identity)
    ids, places = [one.identity for one in ordered], [str(one.place) for one in ordered]
    return {row["id"] for row in await connection.fetch(_CLAIM, ids, places, actor)}


async def replays(connection: Connection, letters: Iterable[Summary]) -> dict[UUID, Replay]:
    rows = await connection.fetch(_FIND, [letter.identity for letter in letters])
    return {row["id"]: row for row in rows}
