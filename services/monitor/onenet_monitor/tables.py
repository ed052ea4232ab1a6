"""The monitor's tables: verdicts, where each connection stands, findings; traffic has its own module."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, MetaData, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from onenet_monitor.standings import ENDED


class Table(SQLModel):
    metadata = MetaData()


def _moment(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class VerdictRow(Table, table=True):
    """The verdict on a connection; see ``verdicts.Verdict``.

    ``sampled_at`` is when the newest sample was taken, ``due_at`` when time alone may change the verdict,
    ``known_until`` when nothing is known any more. ``candidate`` and ``streak`` are for the release before
    this one.
    """

    __tablename__ = "verdicts"
    __table_args__ = (Index("verdicts_due_at", "due_at"),)

    connection_id: UUID = Field(primary_key=True)
    generation: int
    health: str
    candidate: str
    streak: int
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    since: datetime = Field(sa_column=_moment())
    sampled_at: datetime = Field(sa_column=_moment())
    sources: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    )
    judged_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    held_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    due_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    known_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class HealthPeriodRow(Table, table=True):
    """A time in which one health was the verdict on a connection; ``until`` is null while it is."""

    __tablename__ = "health_periods"
    __table_args__ = (
        Index("health_periods_past", "until", postgresql_where=text("until IS NOT NULL")),
        Index("health_periods_open", "connection_id", unique=True, postgresql_where=text("until IS NULL")),
    )

    connection_id: UUID = Field(primary_key=True)
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    health: str


class StandingRow(Table, table=True):
    """Where a connection stands, for the key figures; see ``standings.Standing``. ``moved_at`` is when it
    was written last."""

    __tablename__ = "standings"
    __table_args__ = (Index("standings_ended", "moved_at", postgresql_where=text(ENDED)),)

    connection_id: UUID = Field(primary_key=True)
    generation: int
    state: str
    ctype: str | None = None
    asked_at: datetime = Field(sa_column=_moment())
    stands: bool = False
    moved_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


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
    opened_at: datetime = Field(sa_column=_moment())
    confirmed_at: datetime = Field(sa_column=_moment())
    closed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


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
