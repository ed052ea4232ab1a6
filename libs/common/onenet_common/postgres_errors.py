"""PostgreSQL's errors, translated at the statement that met them.

What else happens while a connection is held, such as a time-out of an HTTP call, is not the
database's and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from onenet_common.errors import Transient

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection

UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,
    asyncpg.InvalidCachedStatementError,
    OSError,
)
"""What says that the same statement may succeed later: the server is away, full, shutting down, a
standby, without our database yet, broke a deadlock, or gave up on us who were asleep. A migration
makes a cached plan invalid, which asyncpg forgets on meeting it. asyncpg calls it
an internal error of its own when a statement begins while the server's farewell is being read. OSError
includes ConnectionError and TimeoutError."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise Transient for what may pass."""
    try:
        yield
    except UNAVAILABLE as error:
        raise _unavailable(error) from error


@contextmanager
def loss_translated(connection: _Connection | PoolConnectionProxy[asyncpg.Record]) -> Iterator[None]:
    """Raise Transient when a connection is closed under its user; a misuse stays what it is."""
    try:
        yield
    except asyncpg.InterfaceError as error:
        if _lost(connection):
            raise _unavailable(error) from error
        raise


class TranslatingConnection(_Connection):
    """A connection whose statements raise Transient when the database is away."""

    async def execute(self, *args: Any, **options: Any) -> Any:
        with translated(), loss_translated(self):
            return await super().execute(*args, **options)

    async def executemany(self, *args: Any, **options: Any) -> Any:
        with translated(), loss_translated(self):
            return await super().executemany(*args, **options)

    async def fetch(self, *args: Any, **options: Any) -> Any:
        with translated(), loss_translated(self):
            return await super().fetch(*args, **options)

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        with translated(), loss_translated(self):
            return await super().fetchrow(*args, **options)

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        with translated(), loss_translated(self):
            return await super().fetchval(*args, **options)


def _lost(connection: _Connection | PoolConnectionProxy[asyncpg.Record]) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # its pool has taken it back, which it does with the lost before they are released


def _unavailable(error: Exception) -> Transient:
    return Transient(f"the database is unavailable: {error!r}", code="database_unavailable")
