"""Migrating at the start of a service, in a process of its own.

SQLAlchemy and Alembic are some 30 MB that a service would keep and never use again. The process ends
by itself, killed with the service or not: what it does is one transaction, and a lock keeps several apart.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from functools import partial

from onenet_common.errors import OneNetError, Permanent, Transient
from onenet_common.migrations import Migrations
from onenet_common.postgres_connecting import connect, session

PASSING = 75
"""Exit code for what may succeed later."""

CONNECT_SECONDS = 30.0


async def upgrade(migrations: Migrations, url: str, schema: str) -> None:
    """Do what ``Migrations.upgrade`` does.

    Raises:
        Transient: as it does there.
        Permanent: a revision cannot be applied.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    # By the pipe: arguments and environment can be read by others.
    order = json.dumps({"package": migrations.package, "url": url, "schema": schema})
    try:
        _, said = await child.communicate(order.encode())
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
    reason = said.decode(errors="replace").strip()
    if child.returncode == PASSING:
        raise Transient(reason, code="database_unavailable")
    if child.returncode:
        raise Permanent(reason or f"migrating ended with {child.returncode}", code="migration_failed")


async def _upgrade(package: str, url: str, schema: str) -> None:
    reach = partial(connect, url, timeout=CONNECT_SECONDS, server_settings=session(schema))
    await Migrations(package).upgrade(reach, schema)


def main() -> None:
    """Read one order from standard input and carry it out."""
    try:
        asyncio.run(_upgrade(**json.load(sys.stdin)))
    except OneNetError as error:
        sys.stderr.write(error.reason)
        sys.exit(PASSING if isinstance(error, Transient) else 1)


if __name__ == "__main__":
    main()
