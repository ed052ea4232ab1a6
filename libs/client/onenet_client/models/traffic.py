"""What connections carry, who depends on whom, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from onenet_client.models.shapes import Model


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


class FindingService(Model):
    """A service whose networks a finding is about."""

    id: UUID
    name: str = ""
    owners: tuple[str, ...] = ()


class Finding(Model):
    """What traffic shows that its owners should know."""

    id: UUID
    kind: str
    state: str
    severity: str = ""
    summary: str = ""
    remedy: str = ""
    resources: tuple[UUID, ...] = ()
    services: tuple[FindingService, ...] = ()
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
