"""Connections: asking for one, agreeing to one, following it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from onenet_client.errors import Ended, TimedOut
from onenet_client.inventory import given, text
from onenet_client.listing import Listing
from onenet_client.models import Connection, ConnectionHealth, Page, TimelineEntry
from onenet_client.transport import NOT_MODIFIED, Transport, read
from onenet_common.connection import L4Filter, Requirements
from onenet_common.states import SETTLED, State

OVER = SETTLED - {State.ESTABLISHED}
"""States that no other one follows by itself."""

LONGEST_WAIT = 25
"""Seconds that one call waits for a change: below the minute after which proxies lose patience."""

BREATH = 0.2
"""Seconds between calls that brought nothing new, in case the server does not hold them back."""

_filters = TypeAdapter(list[L4Filter])


class Connections:
    """``/v1/connections``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(
        self,
        *,
        state: Sequence[str] = (),
        ctype: str | None = None,
        health: str | None = None,
        service: UUID | None = None,
        resource: UUID | None = None,
        contains: str | None = None,
        sort: str | None = None,
    ) -> Listing[Connection]:
        """List connections with a side of the caller's.

        Args:
            state: any of these; all when empty.
            contains: an address or a CIDR block that lies within one of the sides.
        """
        params = {
            "state": list(state),
            "ctype": ctype,
            "health": health,
            "service": text(service),
            "resource": text(resource),
            "contains": contains,
            "sort": sort,
        }
        return Listing(self._transport, "/v1/connections", Page[Connection], params)

    async def get(self, connection: UUID) -> Connection:
        return read(Connection, await self._transport.get(f"/v1/connections/{connection}"))

    async def create(
        self,
        resource_left: UUID,
        resource_right: UUID,
        *,
        name: str | None = None,
        ctype: str | None = None,
        l4filters: Sequence[L4Filter] | None = None,
        requirements: Requirements | None = None,
        adopt: bool = False,
        desired_state: str | None = None,
        key: str | None = None,
    ) -> Connection:
        """Ask for a connection; or agree, when the other side has asked for the same one.

        Args:
            ctype: how; OneNet chooses when None.
            l4filters: None for those of both resources together, empty for any traffic.
            adopt: take over a path that exists already.
            desired_state: ``PLANNED`` is a dry run: the answer to come has the steps.

        Raises:
            Conflict: the pair has a live connection; the detail names it.
        """
        body = given(
            resource_left=str(resource_left),
            resource_right=str(resource_right),
            name=name,
            ctype=ctype,
            l4filters=None if l4filters is None else _filters.dump_python(list(l4filters), mode="json"),
            requirements=requirements.model_dump(mode="json") if requirements is not None else None,
            adopt=adopt or None,
            desired_state=desired_state,
        )
        return read(Connection, await self._transport.post("/v1/connections", body, key=key))

    async def change(
        self, connection: UUID, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Connection:
        """Want it otherwise; follow it to see what comes of that.

        Args:
            changes: a JSON merge patch of ``l4filters``, ``requirements``, ``ctype`` and ``name``;
                None takes a field back to what a new request has by default.
            version: refuse (``Changed``) when it is no longer this one.

        Raises:
            Conflict: it is under way, being deleted, or gone.
        """
        path = f"/v1/connections/{connection}"
        return read(Connection, await self._transport.patch(path, changes, version))

    async def delete(self, connection: UUID) -> None:
        """Have it taken down; follow it to ``DELETED``."""
        await self._transport.delete(f"/v1/connections/{connection}")

    async def approve(self, connection: UUID, terms: str) -> None:
        """Agree to exactly the addresses and filters that ``terms`` is the digest of.

        Raises:
            Conflict: they have changed since.
        """
        await self._transport.post(f"/v1/connections/{connection}/approve", {"terms": terms})

    async def refuse(self, connection: UUID, reason: str) -> None:
        await self._transport.post(f"/v1/connections/{connection}/refuse", {"reason": reason})

    async def retry(self, connection: UUID, *, desired_state: str | None = None) -> None:
        """Begin again with one that was rejected or failed, with the networks as they are now.

        Args:
            desired_state: ``ESTABLISHED`` carries out what a dry run had planned.
        """
        await self._transport.post(f"/v1/connections/{connection}/retry", given(desired_state=desired_state))

    async def health(self, connection: UUID) -> ConnectionHealth:
        """The verdict, what each source says, and availability by month, the latest first."""
        return read(ConnectionHealth, await self._transport.get(f"/v1/connections/{connection}/health"))

    def timeline(self, connection: UUID) -> Listing[TimelineEntry]:
        return Listing(self._transport, f"/v1/connections/{connection}/timeline", Page[TimelineEntry])

    async def follow(self, connection: UUID) -> AsyncGenerator[Connection, None]:
        """Yield it as it is, then again after every change, for ever."""
        seen = await self.get(connection)
        yield seen
        while True:
            response = await self._transport.get(
                f"/v1/connections/{connection}",
                {"wait": LONGEST_WAIT},
                known=seen.version,
                wait=LONGEST_WAIT,
            )
            news = seen if response.status_code == NOT_MODIFIED else read(Connection, response)
            if news.version == seen.version:
                await asyncio.sleep(BREATH)
                continue
            seen = news
            yield seen

    async def wait_for(
        self,
        connection: UUID,
        states: Collection[str] = SETTLED,
        timeout: float | None = 60.0,
        *,
        on_change: Callable[[Connection], None] | None = None,
    ) -> Connection:
        """Follow it until it is in one of ``states``.

        Args:
            timeout: seconds; None waits for ever.
            on_change: is shown it as it is, and again after every change.

        Raises:
            Ended: it came to rest elsewhere; the message has its reasons.
            TimedOut: it was still on its way.
        """
        last: Connection | None = None
        try:
            async with asyncio.timeout(timeout):
                async with aclosing(self.follow(connection)) as changes:
                    async for last in changes:
                        if on_change is not None:
                            on_change(last)
                        if last.state in states:
                            return last
                        if last.state in OVER:
                            raise Ended(ending(last, states))
        except TimeoutError:
            pass
        where = f"still {last.state}" if last else "not read"
        raise TimedOut(f"connection {connection} is {where} after {timeout} s")


def ending(connection: Connection, wanted: Collection[str]) -> str:
    """The sentence for a connection that came to rest where it was not wanted."""
    reasons = "; ".join(connection.reasons) or "no reason given"
    hoped = " or ".join(sorted(wanted))
    return f"connection {connection.id} ended {connection.state}, not {hoped}: {reasons}"
