"""What the monitor publishes: views in its schema, which are its contract with us.

The API alone decides who may see what; the monitor knows networks and not their owners.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from onenet_api.problems import Problem

LATER = "300"
"""Seconds: views do not appear by themselves, so that nobody should wait for them in a request."""


@contextmanager
def reading() -> Iterator[None]:
    """Read the monitor's views within this block.

    Raises:
        Problem: 503 when the monitor has never run on this database, or may not be read by us.
    """
    try:
        yield
    except (
        asyncpg.UndefinedTableError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.UndefinedColumnError,
    ) as error:
        detail = (
            "the monitor has not set up its views in this database, or the API may not read them "
            f"({error.args[0]}); everything else works"
        )
        raise Problem(503, "monitor-unavailable", detail, headers={"Retry-After": LATER}) from error
