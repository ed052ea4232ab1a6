"""Offsets and sums in PostgreSQL: both in one transaction, so that nothing counts twice or not at all."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from onenet_common import inbox
from onenet_common.database import Connection, Database
from onenet_common.postgres_errors import loss_translated, translated
from onenet_monitor.flows.columns import AMOUNTS, EDGE, EDGE_AMOUNTS, ENDS, KEY

CONSUMER = "onenet-monitor-flows"
"""Under which the ids of messages are in the inbox."""


class Overtaken(Exception):  # says what happened, as all of ours do
    """Somebody else has counted these records, or the place that was known is none any more."""


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Records of one partition: from ``first`` to before ``end``; ``first`` is where the last one ended."""

    topic: str
    partition: int
    first: int
    end: int


_OFFSETS = "SELECT partition, next_offset FROM flow_offsets WHERE topic = $1 AND partition = ANY($2)"
_BEGIN = """
INSERT INTO flow_offsets (topic, partition, next_offset) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_ADVANCE = """
UPDATE flow_offsets SET next_offset = $4 WHERE topic = $1 AND partition = $2 AND next_offset = $3
"""
_COUNTED = "SELECT event_id FROM inbox WHERE event_id = ANY($1) AND consumer = $2"
_TOUCH = "INSERT INTO flow_touched (hour) SELECT unnest($1::timestamptz[])"


def _columns(*names: str) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _adding(
    table: str, arriving: str, columns: Sequence[str], once: Sequence[str], merged: Mapping[str, str]
) -> str:
    """What adds rows to a table's sums, in one order, so that two who add do not lock each other out.

    Args:
        once: what a row is told apart by.
        merged: by column, how what is there (``old``) and what arrives (``excluded``) become one.
    """
    every = _columns(*columns, *merged)
    updates = ", ".join(f"{name} = {value}" for name, value in merged.items())
    return (
        f"INSERT INTO {table} AS old ({every}) SELECT {every} FROM {arriving} ORDER BY {_columns(*columns)} "
        f"ON CONFLICT ({_columns(*once)}) DO UPDATE SET {updates}"
    )


def _by(function: str, *names: str) -> dict[str, str]:
    return {name: f"{function}(old.{name}, excluded.{name})" for name in names}


def _sum(*names: str) -> dict[str, str]:
    return {name: f"old.{name} + excluded.{name}" for name in names}


_ADD_MINUTES = _adding("flow_minutes", "arriving_minutes", ("minute", *KEY), ("minute", *KEY), _sum(*AMOUNTS))
_ADD_EDGES = _adding(
    "edges",
    "arriving_edges",
    EDGE,
    ("id",),
    {
        **_by("least", "first_seen"),
        **_by("greatest", "last_seen", *(f"{end}_logged_at" for end in ENDS)),
        **_sum(*EDGE_AMOUNTS),
    },
)


async def offsets(database: Database, topic: str, beginnings: Mapping[int, int]) -> dict[int, int]:
    """From which offset on each partition is to be counted.

    Args:
        beginnings: by partition, where one starts of which nothing has been counted yet.
    """
    async with database.transaction() as connection:
        for partition, first in sorted(beginnings.items()):
            await connection.execute(_BEGIN, topic, partition, first)
        rows = await connection.fetch(_OFFSETS, topic, list(beginnings))
    return {row["partition"]: row["next_offset"] for row in rows}


async def counted(database: Database, ids: Collection[UUID]) -> set[UUID]:
    """Which of these messages are in the sums."""
    if not ids:
        return set()
    async with database.acquire() as connection:
        rows = await connection.fetch(_COUNTED, sorted(ids), CONSUMER)
    return {row["event_id"] for row in rows}


async def restart(database: Database, one: Stretch) -> None:
    """Count a partition from ``end`` on, if it still is at ``first``."""
    async with database.transaction() as connection:
        await connection.execute(_ADVANCE, one.topic, one.partition, one.first, one.end)


async def add(
    database: Database,
    stretches: Iterable[Stretch],
    minutes: pl.DataFrame,
    dependencies: pl.DataFrame,
    ids: Collection[UUID] = (),
) -> None:
    """Count records once: move the offsets and add what the records come to.

    Args:
        ids: of messages that may come again, in another place.

    Raises:
        Overtaken: nothing was added, since an offset is not where it was, or one of the ids was
            counted meanwhile.
        Transient: the database is away; it is not known whether anything was added, and trying
            again tells.
    """
    async with database.transaction() as connection:
        for one in sorted(stretches):
            moved = await connection.execute(_ADVANCE, one.topic, one.partition, one.first, one.end)
            if moved != "UPDATE 1":
                raise Overtaken(f"{one.topic}/{one.partition} is not at {one.first} any more")
        if ids and len(await connection.fetch(inbox.INSERT, sorted(ids), CONSUMER)) != len(ids):
            raise Overtaken("a message was counted from another partition")
        if len(minutes):
            await _copy(connection, "flow_minutes", "arriving_minutes", minutes)
            await connection.execute(_ADD_MINUTES)
            hours = minutes["minute"].dt.truncate("1h").unique()
            await connection.execute(_TOUCH, hours.to_list())
        if len(dependencies):
            await _copy(connection, "edges", "arriving_edges", dependencies)
            await connection.execute(_ADD_EDGES)


async def _copy(connection: Connection, table: str, arriving: str, rows: pl.DataFrame) -> None:
    """Put rows into a table of the session's own, which is empty again after the transaction."""
    await connection.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {arriving} ON COMMIT DELETE ROWS "
        f"AS SELECT {_columns(*rows.columns)} FROM {table} WITH NO DATA"
    )
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    text.seek(0)
    with translated(), loss_translated(connection):
        await connection.copy_to_table(arriving, source=text, columns=rows.columns, format="csv")
