"""What happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from onenet_client.models.shapes import Model


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
