"""Traffic: what connections carry, who depends on whom, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from onenet_client.inventory import text
from onenet_client.listing import Listing
from onenet_client.models import Busiest, Dependencies, DependencyEdge, DependencyNode, Finding, Page, Traffic
from onenet_client.transport import Transport, read

LARGEST_GRAPH = 20_000
"""Edges that the API gives in one answer."""


class Flows:
    """``/v1/traffic``, ``/v1/dependencies`` and the traffic of one connection."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of(
        self,
        connection: UUID,
        *,
        step: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Traffic:
        """What a connection carried.

        Args:
            step: ``minute``, ``hour`` or ``day``.
        """
        params = {"step": step, "since": _time(since), "until": _time(until)}
        return read(Traffic, await self._transport.get(f"/v1/connections/{connection}/traffic", params))

    async def busiest(self, *, minutes: int = 15, limit: int = 20) -> Busiest:
        """The caller's connections that carried most in the last minutes."""
        return read(Busiest, await self._transport.get("/v1/traffic", {"minutes": minutes, "limit": limit}))

    async def dependencies(
        self,
        *,
        service: UUID | None = None,
        resource: UUID | None = None,
        connection: UUID | None = None,
        carried_by: str | None = None,
    ) -> Dependencies:
        """The whole graph that the caller may see, however large."""
        params: dict[str, Any] = {
            "service": text(service),
            "resource": text(resource),
            "connection": text(connection),
            "carried_by": carried_by,
            "limit": LARGEST_GRAPH,
        }
        nodes: dict[UUID, DependencyNode] = {}
        edges: list[DependencyEdge] = []
        cursor: str | None = None
        while True:
            page = read(
                Dependencies, await self._transport.get("/v1/dependencies", params | {"cursor": cursor})
            )
            nodes |= {node.resource: node for node in page.nodes}
            edges += page.edges
            if page.next is None:
                return Dependencies(nodes=tuple(nodes.values()), edges=tuple(edges))
            cursor = page.next


class Findings:
    """``/v1/findings``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(
        self,
        *,
        state: Sequence[str] = (),
        kind: str | None = None,
        service: UUID | None = None,
        connection: UUID | None = None,
        sort: str | None = None,
    ) -> Listing[Finding]:
        """Newest first; open ones alone unless states are given."""
        params = {
            "state": list(state),
            "kind": kind,
            "service": text(service),
            "connection": text(connection),
            "sort": sort,
        }
        return Listing(self._transport, "/v1/findings", Page[Finding], params)

    async def get(self, finding: UUID) -> Finding:
        return read(Finding, await self._transport.get(f"/v1/findings/{finding}"))

    async def acknowledge(self, finding: UUID, note: str = "", *, key: str | None = None) -> Finding:
        """Say that it is known; it is news again when it closes and opens anew."""
        body = {"note": note}
        return read(Finding, await self._transport.post(f"/v1/findings/{finding}/acknowledge", body, key=key))

    async def mute(
        self, finding: UUID, note: str = "", *, until: datetime | None = None, key: str | None = None
    ) -> Finding:
        """Do not hear of it until then, or ever."""
        body = {"note": note, "until": _time(until)}
        return read(Finding, await self._transport.post(f"/v1/findings/{finding}/mute", body, key=key))

    async def reopen(self, finding: UUID, *, key: str | None = None) -> Finding:
        """Take an acknowledgement or a muting back."""
        return read(Finding, await self._transport.post(f"/v1/findings/{finding}/reopen", None, key=key))


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
