"""The files that were read, and how far, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from onenet_common.database import Database
from onenet_common.housekeeping import Retention
from onenet_monitor.collector.identities import File
from onenet_monitor.collector.outcomes import Outcome

RETENTION = Retention("files", "touched_at", 21)
"""Longer than a queue keeps a message, which is 14 days at the most."""

_BEGIN = """
INSERT INTO files (id, bucket, key, etag, exporter) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET touched_at = now() RETURNING chunks, outcome
"""
# Another collector may be ahead with the same file, or have ended it.
_ADVANCE = """
UPDATE files SET chunks = greatest(chunks, $2), touched_at = now() WHERE id = $1
"""
_END = """
UPDATE files SET chunks = greatest(chunks, $2), outcome = coalesce(outcome, $3), touched_at = now()
WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: ``chunks`` messages are acknowledged; ``ended`` when nothing is left to read."""

    chunks: int
    ended: bool


class Files:
    """Every statement is a transaction of its own; each may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, file: File, exporter: str) -> Progress:
        """Note that the file is read; how far that has come before.

        Raises:
            Transient: the database is away.
        """
        async with self._database.acquire() as connection:
            (row,) = await connection.fetch(_BEGIN, file.id, file.bucket, file.key, file.etag, exporter)
        return Progress(row["chunks"], row["outcome"] is not None)

    async def advance(self, file: File, chunks: int) -> None:
        """So many messages of the file are acknowledged. Raises as ``begin`` does."""
        async with self._database.acquire() as connection:
            await connection.execute(_ADVANCE, file.id, chunks)

    async def end(self, file: File, chunks: int, outcome: Outcome) -> None:
        """The file is done with. Raises as ``begin`` does."""
        async with self._database.acquire() as connection:
            await connection.execute(_END, file.id, chunks, outcome.value)
