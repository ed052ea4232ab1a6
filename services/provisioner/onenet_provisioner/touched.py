"""Providers whose networks OneNet has just changed: their counts are read again soon."""

from __future__ import annotations

from uuid import UUID

from onenet_common.background import Background
from onenet_provisioner.provider_store import ProviderStore


class Touched:
    """Collects providers and asks, once a second for all, that they are looked at.

    Args:
        after: seconds from a change to the look that shows it.
    """

    def __init__(self, providers: ProviderStore, *, after: float) -> None:
        self._providers = providers
        self._after = after
        self._ids: set[UUID] = set()
        self._flushing = Background("look at what changed", self._flush, interval=1.0)

    def add(self, provider_ids: set[UUID]) -> None:
        self._ids |= provider_ids

    async def start(self) -> None:
        self._flushing.start()

    async def stop(self) -> None:
        await self._flushing.stop()

    async def _flush(self) -> None:
        if ids := set(self._ids):
            await self._providers.soon(ids, self._after)
            self._ids -= ids
