"""One PostgreSQL schema per service: migrated at start, reached through an asyncpg pool.

JSON columns take either a value, or a string that is JSON text already.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from onenet_common import inbox, migration_process, outbox, postgres_connecting
from onenet_common.errors import Transient
from onenet_common.migrations import Migrations, current_revision
from onenet_common.postgres_errors import TranslatingConnection, loss_translated, translated

if TYPE_CHECKING:
    from sqlalchemy import MetaData

log = structlog.get_logger(__name__)

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class Database:
    """A pool on one schema.

    Args:
        url: ``postgresql://…``; it may hold a password and is never logged.
        schema: the service's schema, created when absent.
        migrations: what the service's schema is made by.
        metadata: tables to be created beside outbox and inbox when absent, for a schema without migrations.
        migrate: apply missing migrations at start; otherwise wait until somebody has.
        size: most connections that the pool opens.
        timeout: seconds for connecting and for any one statement.
        work_mem: what one sort or hash of a statement may take before it goes to the server's disk, such
            as ``32MB``; the server's setting by default.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        migrations: Migrations | None = None,
        metadata: MetaData | None = None,
        migrate: bool = True,
        size: int = 10,
        timeout: float = 30.0,
        work_mem: str = "",
    ) -> None:
        self.schema = schema
        self._url = url
        self._migrations = migrations
        self._metadata = metadata
        self._migrate = migrate
        self._size = size
        self._timeout = timeout
        self._session = postgres_connecting.session(schema) | ({"work_mem": work_mem} if work_mem else {})
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.outbox_written = asyncio.Event()
        """Set after a commit that may have written the outbox; the relay clears it."""

    async def start(self) -> None:
        """Wait for the server, then migrate the schema; safe with many at once.

        A schema that is newer than our migrations is taken as it is.
        """
        if self._migrations is None:
            await self._until_available(self._create_schema)
        else:
            await self._until_available(partial(self._migrate_schema, self._migrations))
        await self._until_available(self._open_pool)

    async def stop(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A pooled connection; statements commit one by one.

        Whoever writes the outbox with such a statement sets ``outbox_written``.

        Raises:
            Transient: when the database is away.
        """
        if self._pool is None:
            raise Transient("the database is not connected yet", code="database_unavailable")
        if self._pool.is_closing():
            raise Transient("the database is not connected any more", code="database_unavailable")
        with translated():
            # A time-out of the pool's own would run each acquisition in a task.
            async with asyncio.timeout(self._timeout):
                connection = await self._pool.acquire()
        try:
            with loss_translated(connection):
                yield connection
        finally:
            with translated():
                await self._pool.release(connection, timeout=self._timeout)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A pooled connection inside one transaction, whose events the relay is told of.

        Raises:
            Transient: when the database is away.
        """
        async with self.acquire() as connection, connection.transaction():
            yield connection
        self.outbox_written.set()

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection of its own, for listening and for advisory locks; the caller closes it.

        Raises:
            Transient: when the database is away.
        """
        return await postgres_connecting.connect(
            self._url, timeout=self._timeout, server_settings=self._session
        )

    async def _open_pool(self) -> None:
        with translated():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._size,
                timeout=self._timeout,
                command_timeout=self._timeout,
                server_settings=self._session,
                connect=postgres_connecting.connect,
                connection_class=TranslatingConnection,
                init=_use_json,
                reset=_keep_session,
            )

    async def _create_schema(self) -> None:
        connection = await self.connect()
        try:
            async with connection.transaction():
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtext($1))", f"schema {self.schema}"
                )
                await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"')
                for statement in (outbox.TABLE, inbox.TABLE, *_create_statements(self._metadata)):
                    await connection.execute(statement)
        finally:
            await connection.close()

    async def _migrate_schema(self, migrations: Migrations) -> None:
        found = await self.revision()
        if not migrations.behind(found):
            return
        if not self._migrate:
            raise Transient(
                f"schema {self.schema} is at revision {found or 'none'} and must be at {migrations.head}: "
                f"run `onenet-{self.schema} migrate`, or set ONENET_MIGRATE=true",
                code="schema_behind",
            )
        await migration_process.upgrade(migrations, self._url, self.schema)
        log.info("schema.migrated", schema=self.schema, before=found, revision=migrations.head)

    async def revision(self) -> str | None:
        """The schema's revision; None when it has none yet.

        Raises:
            Transient: when the database is away.
        """
        connection = await self.connect()
        try:
            return await current_revision(connection)
        finally:
            await connection.close()

    async def _until_available(self, attempt: Callable[[], Awaitable[None]]) -> None:
        delay = 0.1
        while True:
            try:
                return await attempt()
            except Transient as error:
                log.warning("database.unavailable", schema=self.schema, error=error.reason, retry_in=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


def _create_statements(metadata: MetaData | None) -> list[str]:
    if metadata is None:
        return []
    # Imported here, so that a service, which has migrations, does not pay for it.
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    statements: list[str] = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
        statements += [
            str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)) for index in table.indexes
        ]
    return statements


async def _keep_session(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Spare each release a round trip: nobody leaves settings, locks or listeners on the pool.

    The pool itself rolls back what a cancelled caller left open.
    """


async def _use_json(connection: asyncpg.Connection[asyncpg.Record] | Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_dumps, decoder=json.loads, schema="pg_catalog")


def _dumps(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
