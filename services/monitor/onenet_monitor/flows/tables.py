"""The tables of traffic: who had which addresses when, what carried what, and the sums."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, INET
from sqlmodel import Field

from onenet_monitor.flows.columns import AMOUNTS, EDGE_AMOUNTS, ENDS, KEY
from onenet_monitor.tables import Table

METADATA = Table.metadata
"""Of all the monitor's tables."""


def _moment(**options: Any) -> Any:
    return Column(DateTime(timezone=True), **options)


class NetworkRow(Table, table=True):
    """A network as it was from one event to the next; ``valid_until`` is null while it is."""

    __tablename__ = "networks"
    __table_args__ = (
        Index("networks_past", "valid_until", postgresql_where=text("valid_until IS NOT NULL")),
    )

    resource_id: UUID = Field(primary_key=True)
    valid_from: datetime = Field(sa_column=_moment(primary_key=True))
    valid_until: datetime | None = Field(default=None, sa_column=_moment())
    provider: UUID
    account: str
    native_id: str
    subnets: list[IPv4Network | IPv6Network] = Field(sa_column=Column(ARRAY(CIDR), nullable=False))
    public_addresses: list[IPv4Address | IPv6Address] = Field(
        sa_column=Column(ARRAY(INET), nullable=False, server_default="{}")
    )


class LinkEndsRow(Table, table=True):
    """Between which networks a connection is wished; ``since`` is when it began to carry, if it does."""

    __tablename__ = "link_ends"
    __table_args__ = (Index("link_ends_idle", "moved_at", postgresql_where=text("since IS NULL")),)

    connection_id: UUID = Field(primary_key=True)
    generation: int
    resource_left: UUID
    resource_right: UUID
    since: datetime | None = Field(default=None, sa_column=_moment())
    ctype: str
    moved_at: datetime = Field(sa_column=_moment(nullable=False, server_default=func.now()))


class LinkRow(Table, table=True):
    """A time in which a connection carried traffic; ``valid_until`` is null while it does."""

    __tablename__ = "links"
    __table_args__ = (Index("links_past", "valid_until", postgresql_where=text("valid_until IS NOT NULL")),)

    connection_id: UUID = Field(primary_key=True)
    valid_from: datetime = Field(sa_column=_moment(primary_key=True))
    valid_until: datetime | None = Field(default=None, sa_column=_moment())
    resource_left: UUID
    resource_right: UUID
    ctype: str


class InventoryVersionRow(Table, table=True):
    """One row, raised with every change of ``networks`` and ``links``, in its transaction."""

    __tablename__ = "inventory_version"

    one: bool = Field(default=True, primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))


class FlowOffsetRow(Table, table=True):
    """Up to where a partition's flow logs are in the sums: written in the transaction that adds them."""

    __tablename__ = "flow_offsets"

    topic: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    next_offset: int = Field(sa_column=Column(BigInteger, nullable=False))


def _sums(name: str, since: str, *indexes: Index, **options: Any) -> SqlTable:
    """Traffic in one unit of time; no column of the key but the time is always there."""
    return SqlTable(
        name,
        METADATA,
        _column(since, DateTime(timezone=True)),
        *_key(),
        *_amounts(),
        UniqueConstraint(since, *KEY, name=f"{name}_once", postgresql_nulls_not_distinct=True),
        *indexes,
        **options,
    )


def _column(name: str, kind: Any, *, nullable: bool = False) -> Column[Any]:
    return Column(name, kind, nullable=nullable)


def _key() -> list[Column[Any]]:
    return [
        _column("kind", Text),
        *(_column(name, Uuid, nullable=True) for name in ("connection", "source", "target")),
        _column("observer", Text),
        _column("protocol", SmallInteger),
        _column("port", Integer),
        _column("reply", Boolean),
        _column("accepted", Boolean),
    ]


def _amounts() -> list[Column[Any]]:
    return [_column(name, BigInteger) for name in AMOUNTS]


_sums(
    "flow_minutes",
    "minute",
    Index("flow_minutes_connection", "connection", "minute"),
    postgresql_partition_by="RANGE (minute)",
)
_sums(
    "flow_hours",
    "hour",
    Index("flow_hours_connection", "connection", "hour"),
    postgresql_partition_by="RANGE (hour)",
)
_sums("flow_days", "day", Index("flow_days_connection", "connection", "day"))

SqlTable(
    "flow_touched",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _column("hour", DateTime(timezone=True)),
)

# Written by the release before this one; a trigger takes it over into ``edges``.
SqlTable(
    "dependencies",
    METADATA,
    *(column for column in _key() if column.name != "accepted"),
    _column("first_seen", DateTime(timezone=True)),
    _column("last_seen", DateTime(timezone=True)),
    *_amounts(),
    UniqueConstraint(
        *(name for name in KEY if name != "accepted"),
        name="dependencies_once",
        postgresql_nulls_not_distinct=True,
    ),
    Index("dependencies_last_seen", "last_seen"),
    Index("dependencies_target", "target"),
)

_ID = """
md5(kind || ' ' || coalesce(connection::text, '-') || ' ' || coalesce(client::text, '-') || ' '
    || coalesce(server::text, '-') || ' ' || protocol::text || ' ' || port::text)::uuid
"""

# No index but a BRIN has what changes with each batch, so that most updates touch no index (HOT).
SqlTable(
    "edges",
    METADATA,
    Column("id", Uuid, Computed(_ID, persisted=True), primary_key=True),
    _column("kind", Text),
    *(_column(name, Uuid, nullable=True) for name in ("connection", "client", "server")),
    _column("protocol", SmallInteger),
    _column("port", Integer),
    _column("first_seen", DateTime(timezone=True)),
    _column("last_seen", DateTime(timezone=True)),
    *(_column(f"{end}_logged_at", DateTime(timezone=True), nullable=True) for end in ENDS),
    *(_column(name, BigInteger) for name in EDGE_AMOUNTS),
    Index("edges_connection", "connection"),
    Index("edges_client", "client"),
    Index("edges_server", "server"),
    Index("edges_last_seen", "last_seen", postgresql_using="brin"),
    postgresql_with={"fillfactor": 70},
)
