"""Connections: their sides, consent, health and history."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from onenet_client.models.inventory import Filter
from onenet_client.models.shapes import Model


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
