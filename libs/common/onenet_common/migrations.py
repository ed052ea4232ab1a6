"""A schema's revisions: numbered scripts in the service's package, applied in one transaction.

Revisions are linear, ``versions/0001_first.py`` and so on, so that the file names alone say which is
the newest. A schema of the next release is taken as it is: each release widens only what the one
before it uses.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from onenet_common.errors import OneNetError, Permanent, Transient
from onenet_common.postgres_errors import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

Connect: TypeAlias = "Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]]"

VERSION_TABLE = "alembic_version"
WAIT_FOR_OTHERS = 60
"""Seconds that a migration waits for another one of the same schema."""
WAIT_FOR_TABLES = 5
"""Seconds that a change waits for a table: everybody else who wants the table waits behind it."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The revisions in ``<package>/versions``.

    Args:
        package: such as ``onenet_api.migrations``.
    """

    package: str

    @property
    def revisions(self) -> list[str]:
        """Their numbers, oldest first."""
        names = (file.name for file in (files(self.package) / "versions").iterdir())
        return sorted(found[1] for name in names if (found := re.fullmatch(r"(\d{4})_\w+\.py", name)))

    @property
    def head(self) -> str:
        return self.revisions[-1]

    def behind(self, current: str | None) -> bool:
        """Whether a schema at that revision lacks one of ours."""
        return current is None or current < self.head

    async def upgrade(
        self, connect: Connect, schema: str, applied: Callable[[str], None] = lambda _: None
    ) -> None:
        """Apply what is missing, all or nothing; safe with many at once and when nothing is missing.

        Args:
            applied: is told of each revision, before the commit.

        Raises:
            Transient: when the database is away, or a table stayed locked.
            Permanent: a revision cannot be applied.
        """
        async with _begun(connect, schema) as connection:
            await connection.run_sync(self._upgrade, schema, applied)

    def sql(self, schema: str, current: str | None) -> str:
        """The statements that ``upgrade`` would execute on a schema at that revision."""
        from alembic.runtime.migration import MigrationContext

        text = io.StringIO()
        text.write(f'CREATE SCHEMA IF NOT EXISTS "{schema}";\nSET LOCAL search_path = "{schema}";\n\n')
        options = self._options(schema) | {"as_sql": True, "output_buffer": text, "starting_rev": current}
        _run(MigrationContext.configure(dialect_name="postgresql", opts=options))
        return f"BEGIN;\n{text.getvalue()}COMMIT;\n"

    def _upgrade(self, connection: Connection, schema: str, applied: Callable[[str], None]) -> None:
        from alembic.runtime.migration import MigrationContext

        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_FOR_OTHERS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock(hashtext('schema {schema}'))")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_FOR_TABLES}s'")
        connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')

        def tell(*, step: Any, **_: Any) -> None:
            applied(step.up_revision_id)

        options = self._options(schema) | {"on_version_apply": (tell,)}
        context = MigrationContext.configure(connection, opts=options)
        # Somebody else may have been faster, with a newer release even, whose revisions we do not know.
        if self.behind(context.get_current_revision()):
            _run(context)

    def _options(self, schema: str) -> dict[str, Any]:
        from alembic.script import ScriptDirectory

        scripts = ScriptDirectory(str(files(self.package)))
        return {
            "fn": lambda current, _: scripts._upgrade_revs("head", current),
            "version_table": VERSION_TABLE,
            "version_table_schema": schema,
        }


async def current_revision(connection: asyncpg.Connection[asyncpg.Record]) -> str | None:
    """The revision of the schema that the connection is on; None when it has none yet."""
    try:
        found: str | None = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")
    except asyncpg.UndefinedTableError:
        return None
    return found


def _run(context: MigrationContext) -> None:
    from alembic.operations import Operations

    with Operations.context(context):
        context.run_migrations()


@asynccontextmanager
async def _begun(connect: Connect, schema: str) -> AsyncIterator[Any]:
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, CommandError) as error:
        raise _failed(schema, error) from error
    finally:
        await engine.dispose()


def _failed(schema: str, error: Exception) -> OneNetError:
    """Both libraries wrap what PostgreSQL said, in more words than anybody needs."""
    wrapped = getattr(error, "orig", None)
    cause = (wrapped and wrapped.__cause__) or error
    reason = f"schema {schema} could not be migrated"
    if isinstance(cause, (*UNAVAILABLE, asyncpg.LockNotAvailableError)):
        return Transient(f"{reason}: {_words(cause)}", code="database_unavailable")
    return Permanent(f"{reason}, and is as it was: {_words(cause)}", code="migration_failed")


def _words(cause: BaseException) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__
