"""The monitor's tables: a verdict per connection, and where each connection stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, MetaData, func, text
from sqlalchemy.dialects.postgresql import JSONB
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
