"""Discovery: what a look at a provider means for what is known of it, and the loop that looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from onenet_common.connection import Provider, ProviderType, Resource
from onenet_common.envelope import Message
from onenet_common.errors import OneNetError, Permanent, Transient
from onenet_common.events import (
    Event,
    ProviderDiscovered,
    ProviderUnreachable,
    ResourceChanged,
    ResourceDiscovered,
    ResourceGone,
)
from onenet_common.telemetry import meter
from onenet_common.tracing import tracer
from onenet_provisioner.backoff import full_jitter, spread
from onenet_provisioner.drivers.discovery import Discovery
from onenet_provisioner.provider_store import Look, ProviderStore

log = structlog.get_logger(__name__)
_discoveries = meter.create_counter("onenet.discoveries", description="Looks at providers, by outcome")

NOTABLE_ATTEMPT = 3
"""An error that may pass is told after so many tries in a row."""

LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Discoverer:
    """Takes a claimed provider, looks at it, and saves what is different.

    Args:
        discoveries: one for each provider type.
        interval: seconds between looks at a provider that lets OneNet in.
    """

    providers: ProviderStore
    discoveries: Mapping[ProviderType, Discovery]
    interval: float

    async def look(self, look: Look) -> None:
        """Discover one provider; errors become its status and are tried again."""
        provider = look.provider
        with tracer.start_as_current_span("discover", attributes={"onenet.provider.id": str(provider.id)}):
            try:
                seen = await self._discovery(provider).discover(provider)
            except OneNetError as error:
                await self._failed(look, error)
            except Exception as error:
                log.exception("discovery.unforeseen", provider=str(provider.id))
                await self._failed(
                    look, Transient(f"an error that nobody foresaw: {error!r}", code="internal")
                )
            else:
                await self._succeeded(look, seen)

    async def _succeeded(self, look: Look, seen: Sequence[Resource]) -> None:
        now = datetime.now(UTC)
        known = await self.providers.resources(look.provider.id)
        events = differences(known, seen, now, announce_all=look.announce)
        if events or look.announce or look.attempts:
            ids = tuple(resource.id for resource in seen)
            events.append(
                ProviderDiscovered(
                    provider_id=look.provider.id, account=look.provider.account, resources=ids, at=now
                )
            )
        await self.providers.discovered(look, seen, _messages(events), pause=spread(self.interval))
        _discoveries.add(1, {"outcome": "discovered"})

    async def _failed(self, look: Look, error: OneNetError) -> None:
        attempts = look.attempts + 1
        told: list[Event] = []
        if (isinstance(error, Permanent) or attempts >= NOTABLE_ATTEMPT) and error.reason != look.reason:
            told.append(
                ProviderUnreachable(
                    provider_id=look.provider.id, code=error.code, reason=error.reason, at=datetime.now(UTC)
                )
            )
        reason = error.reason if told else look.reason
        pause = full_jitter(attempts, base=1.0, longest=LONGEST_PAUSE)
        await self.providers.failed(look, _messages(told), attempts=attempts, reason=reason, pause=pause)
        _discoveries.add(1, {"outcome": error.code})

    def _discovery(self, provider: Provider) -> Discovery:
        try:
            return self.discoveries[provider.provider_type]
        except KeyError:
            raise Permanent(f"this provisioner cannot discover {provider.provider_type}") from None


def differences(
    known: Mapping[UUID, Resource], seen: Sequence[Resource], now: datetime, *, announce_all: bool
) -> list[Event]:
    """The events that lead from what was announced to what is there.

    Args:
        announce_all: announce what did not change, too.
    """
    events: list[Event] = []
    for resource in seen:
        before = known.get(resource.id)
        if before is None or announce_all:
            events.append(ResourceDiscovered(resource_id=resource.id, resource=resource, at=now))
        elif before != resource:
            changed = tuple(
                name for name in Resource.model_fields if getattr(before, name) != getattr(resource, name)
            )
            events.append(
                ResourceChanged(resource_id=resource.id, resource=resource, changed=changed, at=now)
            )
    gone = known.keys() - {resource.id for resource in seen}
    events += [
        ResourceGone(resource_id=resource_id, provider_id=known[resource_id].provider, at=now)
        for resource_id in sorted(gone)
    ]
    return events


def _messages(events: Sequence[Event]) -> list[Message]:
    return [Message.of(event) for event in events]
