"""The PostgreSQL that tests run against: the embedded one, or with ``ONENET_TEST_DATABASE`` one that runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from onenet_common.database import Database
from onenet_common.migrations import Migrations
from onenet_local.postgres import Postgres
from onenet_local.unprivileged import temporary_folder


def given() -> str | None:
    """The URL of a database that runs already and is there for nothing but these tests."""
    return os.environ.get("ONENET_TEST_DATABASE")


@asynccontextmanager
async def running_database() -> AsyncIterator[str]:
    """The URL of that database."""
    if (url := given()) is not None:
        yield url
        return
    with temporary_folder() as folder:
        async with Postgres(folder, fsync=False) as server:
            yield server.url


async def start(database: Database, migrations: Migrations) -> None:
    """Start, with the schema migrated here; services have a process for it, which loads SQLAlchemy anew."""
    await migrations.upgrade(database.connect, database.schema)
    await database.start()


def emptying(tables: Iterable[str]) -> str:
    """Statements that empty tables, those first that refer to others.

    For the few rows of a test they take a hundredth of what TRUNCATE does, which makes new files for every
    table and every index.
    """
    return "; ".join(f"DELETE FROM {table}" for table in tables)
