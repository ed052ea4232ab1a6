"""The event catalogue: every fact that OneNet publishes, one class each.

A class states its topic, its type and its only producer. Published types change by adding
optional fields alone; anything else is a new type with the next version suffix. The JSON
Schemas and the AsyncAPI document under ``schemas/`` are generated from this module.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from onenet_common.connection import (
    Alternative,
    CType,
    Provider,
    Resource,
    Sample,
    Side,
    Step,
    Value,
    Wish,
    is_none,
)
from onenet_common.states import Health

CONNECTIONS = "onenet.connections"
INVENTORY = "onenet.inventory"
HEALTH = "onenet.health"
FLOWS = "onenet.flows"
FINDINGS = "onenet.findings"

Producer = Literal["onenet-api", "onenet-evaluator", "onenet-provisioner", "onenet-monitor"]


class Event(Value):
    """A past-tense fact. ``key`` decides the partition, and thereby the order."""

    type: ClassVar[str]
    topic: ClassVar[str]
    producer: ClassVar[Producer]

    @property
    def key(self) -> str:
        raise NotImplementedError

    @classmethod
    def happening(cls) -> str:
        """The event's verb: ``evaluated`` for ``onenet.connection.evaluated.v1``."""
        return cls.type.split(".")[2]


class ConnectionEvent(Event):
    """``ctype`` is the one decided on or, before that, the one asked for; None for neither."""

    topic: ClassVar[str] = CONNECTIONS

    connection_id: UUID
    generation: int = Field(ge=1)
    ctype: CType | None = Field(default=None, exclude_if=is_none)

    @property
    def key(self) -> str:
        return str(self.connection_id)


class WishEvent(ConnectionEvent):
    """An event that hands the whole wish to the next step."""

    wish: Wish


class ConnectionRequested(WishEvent):
    """The sides agree; a path is to be chosen and built."""

    type: ClassVar[str] = "onenet.connection.requested.v1"
    producer: ClassVar[Producer] = "onenet-api"


class ConnectionApprovalRequested(WishEvent):
    """A side's owner has to agree to exactly these addresses and filters.

    ``terms`` is the digest that the consent will be bound to, ``services`` who is asked.
    """

    type: ClassVar[str] = "onenet.connection.approval_requested.v1"
    producer: ClassVar[Producer] = "onenet-api"

    terms: str
    services: tuple[UUID, ...]


class ConnectionApproved(ConnectionEvent):
    type: ClassVar[str] = "onenet.connection.approved.v1"
    producer: ClassVar[Producer] = "onenet-api"

    terms: str
    approved_by: str


class ConnectionRefused(ConnectionEvent):
    type: ClassVar[str] = "onenet.connection.refused.v1"
    producer: ClassVar[Producer] = "onenet-api"

    reason: str
    refused_by: str


class ConnectionEvaluated(WishEvent):
    """A path was chosen; ``alternatives`` say why, the winner first."""

    type: ClassVar[str] = "onenet.connection.evaluated.v1"
    producer: ClassVar[Producer] = "onenet-evaluator"

    ctype: CType
    alternatives: tuple[Alternative, ...]


class ConnectionRejected(ConnectionEvent):
    """No path is feasible; ``reasons`` has every one of them.

    ``told`` has them as the owner of one side alone may read them; None when they are for both.
    """

    type: ClassVar[str] = "onenet.connection.rejected.v1"
    producer: ClassVar[Producer] = "onenet-evaluator"

    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    told: dict[Side, tuple[str, ...]] | None = None


class ConnectionPathRefused(WishEvent):
    """The provider does not allow the chosen ctype here; choose again without it.

    ``told`` has, by side, what the owner of that side alone may read of the reason, which may quote an
    account; a side that is missing reads none of it. So it is wherever a reason comes from a provider.
    """

    type: ClassVar[str] = "onenet.connection.path_refused.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    ctype: CType
    reason: str
    told: dict[Side, str] = Field(default_factory=dict)


class ConnectionPlanned(ConnectionEvent):
    """The dry run's answer: what would be done."""

    type: ClassVar[str] = "onenet.connection.planned.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    ctype: CType
    steps: tuple[Step, ...]


class ConnectionEstablished(ConnectionEvent):
    """All that the plan asked for is there. ``adopted``: the path was not made by OneNet."""

    type: ClassVar[str] = "onenet.connection.established.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    ctype: CType
    details: dict[str, str]
    adopted: bool = False


class ConnectionFailed(ConnectionEvent):
    """Gave up; what this generation had created is removed again.

    ``reverted``: an earlier generation was established and stands as it was, by the ctype ``stands``.
    """

    type: ClassVar[str] = "onenet.connection.failed.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    ctype: CType | None
    code: str
    reason: str
    reverted: bool = False
    stands: CType | None = Field(default=None, exclude_if=is_none)
    told: dict[Side, str] = Field(default_factory=dict)


class ConnectionDelayed(ConnectionEvent):
    """No progress, for a reason that may pass; it is tried again by itself."""

    type: ClassVar[str] = "onenet.connection.delayed.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    code: str
    reason: str
    told: dict[Side, str] = Field(default_factory=dict)


class ConnectionDrifted(ConnectionEvent):
    """Somebody changed what OneNet had built; ``differences`` are the steps that repair it."""

    type: ClassVar[str] = "onenet.connection.drifted.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    differences: tuple[Step, ...]


class ConnectionRepaired(ConnectionEvent):
    type: ClassVar[str] = "onenet.connection.repaired.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"

    details: dict[str, str] = Field(default_factory=dict)


class ConnectionHealthChanged(ConnectionEvent):
    type: ClassVar[str] = "onenet.connection.health_changed.v1"
    producer: ClassVar[Producer] = "onenet-monitor"

    health: Health
    previous: Health
    reasons: tuple[str, ...] = ()
    at: datetime


class ConnectionDeletionRequested(WishEvent):
    """``ctype`` is how it was built, or was to be; null when nothing of it can be at a provider."""

    type: ClassVar[str] = "onenet.connection.deletion_requested.v1"
    producer: ClassVar[Producer] = "onenet-api"

    ctype: CType | None = None


class ConnectionDeleted(ConnectionEvent):
    """Nothing of it is left at the providers, but what was adopted."""

    type: ClassVar[str] = "onenet.connection.deleted.v1"
    producer: ClassVar[Producer] = "onenet-provisioner"


class ProviderEvent(Event):
    topic: ClassVar[str] = INVENTORY

    provider_id: UUID

    @property
    def key(self) -> str:
        return str(self.provider_id)


class ProviderRegistered(ProviderEvent):
    """A provider is known, or changed: discover it."""

    type: ClassVar[str] = "onenet.provider.registered.v1"
    producer: ClassVar[Producer] = "onenet-api"

    provider: Provider


class ProviderDiscoveryRequested(ProviderEvent):
    """Somebody wants a fresh look now; every resource is announced again."""

    type: ClassVar[str] = "onenet.provider.discovery_requested.v1"
    producer: ClassVar[Producer] = "onenet-api"

    provider: Provider


class ProviderRemoved(ProviderEvent):
    """``service``: whose it was; nobody can look it up any more."""

    type: ClassVar[str] = "onenet.provider.removed.v1"
    producer: ClassVar[Producer] = "onenet-api"

    service: UUID | None = None


class ProviderStatusEvent(ProviderEvent):
    """Keyed apart from the registration, which compaction must keep."""

    producer: ClassVar[Producer] = "onenet-provisioner"

    at: datetime

    @property
    def key(self) -> str:
        return f"{self.provider_id}/status"


class ProviderDiscovered(ProviderStatusEvent):
    """A look at the whole provider succeeded; ``resources`` is everything that it holds."""

    type: ClassVar[str] = "onenet.provider.discovered.v1"

    account: str
    resources: tuple[UUID, ...]


class ProviderUnreachable(ProviderStatusEvent):
    """The provider did not let OneNet in; ``reason`` has its own words. Tried again."""

    type: ClassVar[str] = "onenet.provider.unreachable.v1"

    code: str
    reason: str


class ResourceEvent(Event):
    topic: ClassVar[str] = INVENTORY
    producer: ClassVar[Producer] = "onenet-provisioner"

    resource_id: UUID
    at: datetime

    @property
    def key(self) -> str:
        return str(self.resource_id)


class ResourceDiscovered(ResourceEvent):
    """The resource as it is now, seen for the first time or announced again."""

    type: ClassVar[str] = "onenet.resource.discovered.v1"

    resource: Resource


class ResourceChanged(ResourceEvent):
    """``changed`` names the fields that differ from the last announcement."""

    type: ClassVar[str] = "onenet.resource.changed.v1"

    resource: Resource
    changed: tuple[str, ...]


class ResourceGone(ResourceEvent):
    type: ClassVar[str] = "onenet.resource.gone.v1"

    provider_id: UUID


class WebhookDisabled(Event):
    """OneNet delivers no more to a webhook: its receiver failed for too long, or said that it is gone."""

    type: ClassVar[str] = "onenet.webhook.disabled.v1"
    topic: ClassVar[str] = INVENTORY
    producer: ClassVar[Producer] = "onenet-api"

    webhook_id: UUID
    service: UUID
    reason: str

    @property
    def key(self) -> str:
        return str(self.webhook_id)


class HealthSampled(Event):
    """The watchdog, a probe or telemetry looked at a connection."""

    type: ClassVar[str] = "onenet.health.sampled.v1"
    topic: ClassVar[str] = HEALTH
    producer: ClassVar[Producer] = "onenet-provisioner"

    connection_id: UUID
    generation: int = Field(ge=1)
    ctype: CType | None = Field(default=None, exclude_if=is_none)
    sample: Sample

    @property
    def key(self) -> str:
        return str(self.connection_id)


class FindingEvent(Event):
    """``resources`` are the networks that a finding is about."""

    topic: ClassVar[str] = FINDINGS
    producer: ClassVar[Producer] = "onenet-monitor"

    finding_id: UUID
    kind: str
    resources: tuple[UUID, ...]
    connection_id: UUID | None = None
    at: datetime

    @property
    def key(self) -> str:
        return str(self.finding_id)


class FindingOpened(FindingEvent):
    """Traffic shows something that its owners should know; ``evidence`` has the figures."""

    type: ClassVar[str] = "onenet.finding.opened.v1"

    severity: str
    summary: str
    remedy: str
    evidence: dict[str, str | int | float | list[str]] = Field(default_factory=dict)


class FindingClosed(FindingEvent):
    """Its cause is gone."""

    type: ClassVar[str] = "onenet.finding.closed.v1"

    opened_at: datetime | None = None
    summary: str = ""


EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        ConnectionRequested,
        ConnectionApprovalRequested,
        ConnectionApproved,
        ConnectionRefused,
        ConnectionEvaluated,
        ConnectionRejected,
        ConnectionPathRefused,
        ConnectionPlanned,
        ConnectionEstablished,
        ConnectionFailed,
        ConnectionDelayed,
        ConnectionDrifted,
        ConnectionRepaired,
        ConnectionHealthChanged,
        ConnectionDeletionRequested,
        ConnectionDeleted,
        ProviderRegistered,
        ProviderDiscoveryRequested,
        ProviderRemoved,
        ProviderDiscovered,
        ProviderUnreachable,
        ResourceDiscovered,
        ResourceChanged,
        ResourceGone,
        WebhookDisabled,
        HealthSampled,
        FindingOpened,
        FindingClosed,
    )
}
