"""Who talks to whom, as a graph."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.pages import PageQuery

Carrier = Literal["connection", "internet", "other"]


class DependencyQuery(PageQuery):
    limit: int = Field(default=1000, ge=1, le=20_000)
    service: UUID | None = Field(default=None, description="At either end.")
    resource: UUID | None = Field(default=None, description="At either end.")
    connection: UUID | None = None
    carried_by: Carrier | None = Field(
        default=None, description="`other`: between known networks, over no connection of OneNet's."
    )
    sort: Literal["last_seen", "-last_seen", "first_seen", "-first_seen"] = "-last_seen"


class DependencyNode(BaseModel):
    """A network at either end, as everybody may know it."""

    resource: UUID
    name: str
    service: UUID
    service_name: str
    owned: bool = Field(description="Whether the caller owns it.")


class DependencyEdge(BaseModel):
    """`client` opens conversations with `server`, both directions counted; null is the internet."""

    id: UUID
    client: UUID | None
    server: UUID | None
    carried_by: str
    connection: UUID | None
    protocol: int = Field(description="As IANA numbers them: 6 is TCP, 17 is UDP, 1 is ICMP.")
    port: int = Field(description="The service's; 0 when it has none that is known.")
    first_seen: datetime
    last_seen: datetime
    bytes: int
    packets: int
    flows: int


class DependencyGraph(BaseModel):
    """One page of edges, with the networks at their ends; `next` is the next page's cursor."""

    model_config = ConfigDict(title="Dependencies")

    nodes: list[DependencyNode]
    edges: list[DependencyEdge]
    next: str | None
