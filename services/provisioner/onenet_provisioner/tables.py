"""The provisioner's tables: links in work and under watch, providers and what they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    metadata = MetaData()


def _moment(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


def _json(*, nullable: bool = False) -> Any:
    return Column(JSONB, nullable=nullable)


class LinkRow(Table, table=True):
    """One connection's work.

    ``standing`` is the wish that was established last, restored when a change of it fails;
    ``failure`` says why this generation came to nothing: published once the undoing is done,
    and kept for whoever asks again; ``announce`` asks for the answer to be published again;
    ``others`` are paths by other ctypes that may be there, see ``links.OtherPath``.
    """

    __tablename__ = "links"
    __table_args__ = (
        Index("links_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("links_ended", "updated_at", postgresql_where=text("phase = 'ENDED'")),
    )

    connection_id: UUID = Field(primary_key=True)
    generation: int
    ctype: str | None = None
    phase: str
    wish: dict[str, Any] = Field(sa_column=_json())
    standing: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    details: dict[str, str] = Field(sa_column=_json())
    failure: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    drifted: bool = False
    announce: bool = False
    attempts: int = 0
    reason: str | None = None
    due_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    deadline_at: datetime = Field(sa_column=_moment())
    lease: UUID | None = None
    leased_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    trace: dict[str, str] = Field(sa_column=_json())
    others: list[Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb")))
    updated_at: datetime = Field(sa_column=_moment())


class ProviderRow(Table, table=True):
    """A provider to be looked at when due; ``announce`` asks for all its resources again."""

    __tablename__ = "providers"

    provider_id: UUID = Field(primary_key=True)
    provider: dict[str, Any] = Field(sa_column=_json())
    announce: bool = True
    attempts: int = 0
    reason: str | None = None
    due_at: datetime = Field(sa_column=_moment())
    lease: UUID | None = None
    leased_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class ResourceRow(Table, table=True):
    """A resource as it was announced last."""

    __tablename__ = "resources"

    resource_id: UUID = Field(primary_key=True)
    provider_id: UUID = Field(index=True)
    resource: dict[str, Any] = Field(sa_column=_json())
