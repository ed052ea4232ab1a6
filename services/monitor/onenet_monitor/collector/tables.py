"""The collector's one table."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, func
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    metadata = MetaData()


class FileRow(Table, table=True):
    """A file and how many messages of it are published; it has an ``outcome`` once it is done with."""

    __tablename__ = "files"

    id: UUID = Field(primary_key=True)
    bucket: str
    key: str
    etag: str
    exporter: str
    chunks: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    outcome: str | None = None
    touched_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now(), index=True)
    )
