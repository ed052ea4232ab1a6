"""What happened, as it can be told: one shape for streams, webhooks and mail. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from onenet_api.connections import timeline
from onenet_common import events
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, Event, FindingEvent
from onenet_common.states import Health, State


@dataclass(frozen=True, slots=True)
class Fact:
    """An event before it is decided who may be told how much of it.

    Args:
        subject: the connection, provider, resource or finding that it is about.
        services: whose provider, resource or networks, as far as the event says so itself.
        networks: resources that a finding is about.
        generation: of the connection's wish; None for what is no connection.
        data: the event's own fields as JSON values.
    """

    id: UUID
    type: str
    time: datetime
    actor: str
    source: str
    trace_id: str
    subject: UUID
    summary: str
    data: Mapping[str, Any]
    generation: int | None = None
    services: frozenset[UUID] = frozenset()
    provider: UUID | None = None
    networks: tuple[UUID, ...] = ()

    @property
    def of_connection(self) -> bool:
        return self.generation is not None

    @property
    def state(self) -> State | None:
        """The state that a connection is in by this event alone; None when it tells none."""
        if self.data.get("reverted"):
            return State.ESTABLISHED
        return _STATES.get(self.type)

    @property
    def health(self) -> Health | None:
        return Health(self.data["health"]) if self.type == events.ConnectionHealthChanged.type else None


_STATES: dict[str, State] = {
    events.ConnectionRequested.type: State.REQUESTED,
    events.ConnectionApprovalRequested.type: State.PENDING_APPROVAL,
    events.ConnectionEvaluated.type: State.PROVISIONING,
    events.ConnectionRejected.type: State.REJECTED,
    events.ConnectionPlanned.type: State.PLANNED,
    events.ConnectionEstablished.type: State.ESTABLISHED,
    events.ConnectionFailed.type: State.FAILED,
    events.ConnectionDeletionRequested.type: State.DELETING,
    events.ConnectionDeleted.type: State.DELETED,
}

_SUMMARIES: dict[type[Event], Callable[[Any], str]] = {
    events.ProviderRegistered: lambda e: f"provider {e.provider.name} was registered or changed",
    events.ProviderRemoved: lambda e: "the provider was removed",
    events.ProviderDiscovered: lambda e: f"the provider was looked at: {len(e.resources)} resources",
    events.ProviderUnreachable: lambda e: f"the provider does not let OneNet in: {e.reason}",
    events.ResourceDiscovered: lambda e: f"{e.resource.name} was seen",
    events.ResourceChanged: lambda e: f"{e.resource.name} changed: {', '.join(e.changed)}",
    events.ResourceGone: lambda e: "the resource is gone",
    events.WebhookDisabled: lambda e: f"nothing more is delivered to a webhook: {e.reason}",
    events.FindingOpened: lambda e: e.summary,
    events.FindingClosed: lambda e: ": ".join(filter(None, ("its cause is gone", e.summary))),
}
"""Of the inventory and of findings; those of connections are the timeline's."""

TYPES: tuple[str, ...] = tuple(event.type for event in (*timeline.SUMMARIES, *_SUMMARIES))
"""What is told at all: samples of health and requests to look again are not."""

_SUBJECTS = ("resource_id", "provider_id", "webhook_id", "finding_id")
_PRIVATE: dict[str, Any] = {"provider": {"role_arn", "external_id"}, "resource": {"paths"}}
"""How OneNet gets in, and whom else a network is peered with: of no use to who is told."""


def of_message(message: Message) -> Fact | None:
    """None for what is not told."""
    event = message.event
    if isinstance(event, ConnectionEvent):
        return of_timeline(timeline.row(message, event))
    if type(event) not in _SUMMARIES:
        return None
    about = getattr(event, "provider", None) or getattr(event, "resource", None) or event
    service = getattr(about, "service", None)
    return Fact(
        id=message.id,
        type=event.type,
        time=message.time,
        actor=message.actor,
        source=message.source,
        trace_id=message.trace_id,
        subject=next(getattr(event, name) for name in _SUBJECTS if hasattr(event, name)),
        summary=_SUMMARIES[type(event)](event),
        data=event.model_dump(mode="json", exclude=_PRIVATE),
        services=frozenset({service} if service is not None else ()),
        provider=getattr(event, "provider_id", None),
        networks=event.resources if isinstance(event, FindingEvent) else (),
    )


def of_timeline(row: Mapping[str, Any]) -> Fact:
    """What a row of the timeline tells."""
    names = ("id", "type", "time", "actor", "source", "trace_id", "summary", "data", "generation")
    return Fact(subject=row["connection_id"], **{name: row[name] for name in names})
