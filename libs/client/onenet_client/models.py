"""The API's objects as a client reads them.

Fields that this version does not know are kept, and words such as states are plain text, so that a
newer API does not break an older client.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


M = TypeVar("M", bound=Model)


class Page(Model, Generic[M]):
    """A part of a list. ``next`` is the cursor of the following part, None on the last."""

    items: tuple[M, ...]
    next: str | None = None


class SignIn(Model):
    """Where users of this API sign in."""

    issuer: str
    audience: str
    client_id: str


class Me(Model):
    user: str
    groups: tuple[str, ...] = ()
    admin: bool = False


class Service(Model):
    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    providers: tuple[UUID, ...] = ()
    resources: tuple[UUID, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class Provider(Model):
    """``trust_policy`` and ``permissions_policy`` are what the account's owner has to allow."""

    id: UUID
    name: str
    service: UUID
    provider_type: str
    account: str
    region: str
    role_arn: str = ""
    external_id: str = ""
    trust_policy: dict[str, Any] = Field(default_factory=dict)
    permissions_policy: dict[str, Any] = Field(default_factory=dict)
    status: str = "PENDING"
    status_reason: str | None = None
    discovered_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class Filter(Model):
    """Traffic that a connection is for; ports are inclusive."""

    protocol: str = "any"
    from_port: int | None = None
    to_port: int | None = None
    direction: str = "both"


class Resource(Model):
    id: UUID
    name: str
    description: str | None = None
    service: UUID
    provider: UUID
    provider_type: str = ""
    account: str = ""
    region: str = ""
    native_id: str = ""
    subnet: str = ""
    subnets: tuple[str, ...] = ()
    l4filters: tuple[Filter, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    quotas: dict[str, Any] = Field(default_factory=dict)
    state: str = ""
    discovered_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class Side(Model):
    """One end of a connection. Account and subnets are hidden from the other side's owner until
    this side has agreed."""

    resource: UUID
    name: str = ""
    service: UUID | None = None
    service_name: str = ""
    subnets: tuple[str, ...] = ()
    account: str | None = None
    region: str = ""


class GivenConsent(Model):
    service: UUID
    by: str = ""
    at: datetime | None = None


class Consent(Model):
    """``terms`` is the digest of the addresses and filters that a consent is bound to; None for
    those who do not see them all."""

    terms: str | None = None
    needed_from: tuple[UUID, ...] = ()
    given: tuple[GivenConsent, ...] = ()

    def missing(self) -> tuple[UUID, ...]:
        given = {consent.service for consent in self.given}
        return tuple(service for service in self.needed_from if service not in given)


class Flag(Model):
    """Something that the owner should know, such as a resource that is gone."""

    code: str = ""
    message: str = ""
    at: datetime | None = None


class Step(Model):
    """One provider call of a plan."""

    action: str
    side: str = ""
    target: str = ""
    why: str = ""


class Connection(Model):
    """``version`` rises with every change; ``generation`` with every change of what is wanted."""

    id: UUID
    name: str = ""
    resource_left: UUID
    resource_right: UUID
    left: Side | None = None
    right: Side | None = None
    state: str
    desired_state: str = ""
    health: str = "UNKNOWN"
    health_reasons: tuple[str, ...] = ()
    ctype: str | None = None
    requested_ctype: str | None = None
    adopt: bool = False
    adopted: bool = False
    l4filters: tuple[Filter, ...] = ()
    requirements: dict[str, Any] | None = None
    details: dict[str, str] = Field(default_factory=dict)
    evaluation: tuple[dict[str, Any], ...] = ()
    reasons: tuple[str, ...] = ()
    plan: tuple[Step, ...] = ()
    flags: tuple[Flag, ...] = ()
    consent: Consent | None = None
    generation: int = 1
    requested_by: str = ""
    trace_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class HealthSource(Model):
    """What one source says, such as the watchdog; ``hidden_reasons`` are for the other side's owner."""

    source: str
    health: str
    since: datetime
    latest: str = ""
    sampled_at: datetime
    age: float
    reasons: tuple[str, ...] = ()
    hidden_reasons: int = 0


class Availability(Model):
    """How long a connection was what in a calendar month (UTC); ``degraded`` is part of ``available``."""

    month: str
    available_seconds: float
    degraded_seconds: float = 0.0
    down_seconds: float
    unknown_seconds: float
    ratio: float | None = None


class ConnectionHealth(Model):
    connection: UUID
    health: str
    since: datetime | None = None
    reasons: tuple[str, ...] = ()
    sources: tuple[HealthSource, ...] = ()
    availability: tuple[Availability, ...] = ()


class TimelineEntry(Model):
    """One event in a connection's life."""

    id: UUID | str
    type: str
    time: datetime
    actor: str | None = None
    source: str | None = None
    generation: int | None = None
    trace_id: str | None = None
    summary: str = ""
    data: dict[str, Any] = Field(default_factory=dict)


class NamedConnection(Model):
    """Which connection an event is of."""

    id: UUID
    name: str = ""


class Event(Model):
    """Something that happened to a connection, a provider or a resource, or a finding about traffic."""

    id: UUID | str
    type: str
    time: datetime
    subject: UUID | str = ""
    summary: str = ""
    actor: str | None = None
    source: str | None = None
    trace_id: str | None = None
    connection: NamedConnection | None = None
    service: UUID | None = None
    services: tuple[UUID, ...] = ()
    generation: int | None = None
    state: str | None = None
    health: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def about(self) -> str:
        """What it happened to: a connection's name, a finding's kind and id; of all else the id."""
        if self.connection is not None:
            return self.connection.name
        return f"{self.data['kind']} {self.subject}" if "kind" in self.data else str(self.subject)


class DirectoryService(Model):
    """What every signed-in user may know of a service."""

    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()


class DirectoryResource(Model):
    """What every signed-in user may know of a resource: enough to ask for a connection."""

    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    service: UUID
    service_name: str = ""
    platform: str = ""
    region: str = ""


class AuditEntry(Model):
    id: UUID | int | str
    time: datetime
    actor: str = ""
    action: str = ""
    object_type: str = ""
    object_id: UUID | str | None = None
    detail: Any = None
    trace_id: str | None = None


class DeadLetter(Model):
    """``source`` is the record that failed; ``attempts`` counts how often it did."""

    id: str
    time: datetime
    topic: str
    code: str = ""
    reason: str = ""
    group: str = ""
    source: str = ""
    attempts: int = 1
    event_id: str = ""
    event_type: str = ""
    trace_id: str = ""
    size: int = 0
    cut: bool = False
    replayed_at: datetime | None = None
    replayed_by: str | None = None


class Bytes(Model):
    """``encoding`` is utf-8 or base64; ``cut`` says that ``data`` is the beginning alone."""

    encoding: str
    data: str
    size: int = 0
    cut: bool = False


class Header(Model):
    name: str
    value: Bytes | None = None


class DeadLetterDetail(DeadLetter):
    key: Bytes | None = None
    value: Bytes | None = None
    headers: tuple[Header, ...] = ()


class ReplayedLetter(Model):
    """``outcome``: replayed, already_replayed, cut (too large to be kept whole) or gone."""

    id: str
    outcome: str


class Replay(Model):
    items: tuple[ReplayedLetter, ...] = ()


class Amount(Model):
    bytes: int = 0
    packets: int = 0
    flows: int = 0


class TrafficPoint(Model):
    """One step of time."""

    since: datetime
    left_to_right: Amount = Amount()
    right_to_left: Amount = Amount()
    refused: Amount = Amount()


class TrafficByPort(Model):
    """``protocol`` as IANA numbers them; ``port`` is the service's, 0 when none is known."""

    protocol: int
    port: int
    refused: bool = False
    bytes: int = 0
    packets: int = 0
    flows: int = 0


class Traffic(Model):
    """Steps without traffic are left out."""

    connection: UUID
    step: str
    since: datetime
    until: datetime
    last_seen: datetime | None = None
    points: tuple[TrafficPoint, ...] = ()
    ports: tuple[TrafficByPort, ...] = ()


class BusyConnection(Model):
    connection: UUID
    name: str
    state: str = ""
    health: str = ""
    left: str = ""
    right: str = ""
    left_to_right: Amount = Amount()
    right_to_left: Amount = Amount()
    refused: Amount = Amount()


class Busiest(Model):
    since: datetime
    until: datetime
    items: tuple[BusyConnection, ...] = ()


class DependencyNode(Model):
    """A network at either end of a dependency."""

    resource: UUID
    name: str
    service: UUID
    service_name: str = ""
    owned: bool = False


class DependencyEdge(Model):
    """``client`` opens conversations with ``server``; None is the internet."""

    id: UUID
    client: UUID | None = None
    server: UUID | None = None
    carried_by: str
    connection: UUID | None = None
    protocol: int
    port: int
    first_seen: datetime
    last_seen: datetime
    bytes: int = 0
    packets: int = 0
    flows: int = 0


class Dependencies(Model):
    nodes: tuple[DependencyNode, ...] = ()
    edges: tuple[DependencyEdge, ...] = ()
    next: str | None = None


class Finding(Model):
    """What traffic shows that its owners should know."""

    id: UUID
    kind: str
    state: str
    severity: str = ""
    summary: str = ""
    remedy: str = ""
    resources: tuple[UUID, ...] = ()
    connection: UUID | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)
    opened_at: datetime
    confirmed_at: datetime | None = None
    closed_at: datetime | None = None
    marked_by: str | None = None
    marked_at: datetime | None = None
    muted_until: datetime | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called where several are told apart."""
        return self.summary
