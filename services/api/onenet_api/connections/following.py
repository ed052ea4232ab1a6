"""Reading a connection that may be about to change."""

from __future__ import annotations

import asyncio
from uuid import UUID

from onenet_api import etags
from onenet_api.connections import spans, store
from onenet_api.connections.store import Seen
from onenet_api.context import Context
from onenet_api.problems import not_found
from onenet_api.tokens import User

POLL = 5.0
"""Seconds after which to look again anyway: a notification may be lost."""


async def follow(
    api: Context, user: User, connection_id: UUID, if_none_match: str | None, wait: float
) -> tuple[Seen, bool]:
    """The connection, once it is another than the caller knows, or after ``wait`` seconds.

    Returns:
        the connection as it is then, and whether the caller has that version already.

    Raises:
        Problem: 404 when it does not exist for the user, or not any more.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait
    with api.changes.watch(connection_id) as changed:
        seen = await _read(api, user, connection_id)
        known = if_none_match or etags.tag(seen.connection.version)
        while etags.unchanged(known, seen.connection.version):
            left = deadline - clock()
            if left <= 0 or api.changes.stopping:
                return seen, if_none_match is not None
            await _woken(changed, min(left, POLL))
            changed.clear()
            seen = await _read(api, user, connection_id)
    return seen, False


async def _read(api: Context, user: User, connection_id: UUID) -> Seen:
    async with api.database.acquire() as connection:
        seen = await store.find(connection, user, connection_id)
    if seen is None:
        raise not_found("connection", connection_id)
    spans.concerns(seen.connection)
    return seen


async def _woken(changed: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return
