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
    """The verdict on a connection, and the one that may replace it."""

    __tablename__ = "verdicts"

    connection_id: UUID = Field(primary_key=True)
    generation: int
    health: str
    candidate: str
    streak: int
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    since: datetime = Field(sa_column=_moment())
    sampled_at: datetime = Field(sa_column=_moment())


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
