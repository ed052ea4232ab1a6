"""The tables of findings, and of what the rules need to know of paths and networks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from onenet_monitor.tables import Table


def _moment(**options: Any) -> Any:
    return Column(DateTime(timezone=True), **options)


class FindingRow(Table, table=True):
    """A finding as it was seen last; ``closed_at`` is null while its cause is there."""

    __tablename__ = "findings"
    __table_args__ = (
        Index("findings_open", "id", postgresql_where=text("closed_at IS NULL")),
        Index("findings_closed", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    severity: str
    summary: str
    remedy: str
    resources: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    connection: UUID | None = None
    evidence: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    opened_at: datetime = Field(sa_column=_moment(nullable=False))
    confirmed_at: datetime = Field(sa_column=_moment(nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=_moment())


class PathTermsRow(Table, table=True):
    """What was chosen for a connection, and what its ctype promises and costs."""

    __tablename__ = "path_terms"

    connection_id: UUID = Field(primary_key=True)
    generation: int
    name: str
    l4filters: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    monthly_gb: float
    encrypted: bool | None = None
    bandwidth_mbps: float | None = None
    price_per_gb_usd: float | None = None
    monthly_fixed_usd: float | None = None


class NetworkNameRow(Table, table=True):
    """What a network is called."""

    __tablename__ = "network_names"

    resource_id: UUID = Field(primary_key=True)
    name: str
