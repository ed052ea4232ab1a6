"""The tables of the API's schema. They hold rows; what a row means is said in each feature."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    Text,
    Uuid,
    desc,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import CIDR, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from onenet_api.connections.pairs import LIVE_PAIR

METADATA = MetaData()


class Table(SQLModel, registry=registry(metadata=METADATA)):
    """Every row of ours; in a metadata of its own, apart from other services' tables."""


def _time() -> Any:
    """A moment; that of the insert when it is left out."""
    return Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()})


def _number(default: int) -> Any:
    return Field(sa_column_kwargs={"server_default": str(default)})


def _json(default: str | None = None) -> Any:
    return Field(sa_type=JSONB, sa_column_kwargs={"server_default": default} if default else {})


class ServiceRow(Table, table=True):
    __tablename__ = "services"

    id: UUID = Field(primary_key=True)
    name: str
    description: str
    owners: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int = _number(1)

    __table_args__ = (Index("services_owners", "owners", postgresql_using="gin"),)


class ProviderRow(Table, table=True):
    """``announced`` is what the last look at the provider listed; ``asked_at`` and ``attempts`` say
    when and how often in a row the provisioner was asked to look."""

    __tablename__ = "providers"

    id: UUID = Field(primary_key=True)
    service: UUID = Field(foreign_key="services.id", index=True)
    name: str
    provider_type: str
    account: str
    region: str
    role_arn: str
    external_id: str
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "PENDING"})
    status_reason: str | None = Field(default=None, sa_type=Text)
    discovered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    announced: list[UUID] = _json("[]")
    asked_at: datetime = _time()
    attempts: int = _number(0)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int = _number(1)


class ResourceRow(Table, table=True):
    """``snapshot`` is the resource as the last event had it (``onenet_common.connection.Resource``)."""

    __tablename__ = "resources"

    id: UUID = Field(primary_key=True)
    service: UUID = Field(foreign_key="services.id", index=True)
    provider: UUID = Field(foreign_key="providers.id", ondelete="CASCADE", index=True)
    name: str
    description: str
    l4filters: list[Any] = _json("[]")
    subnets: list[str] = Field(sa_column=Column(ARRAY(CIDR), nullable=False))
    snapshot: dict[str, Any] = _json()
    state: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "PRESENT"})
    discovered_at: datetime = _time()
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int = _number(1)


class ConnectionRow(Table, table=True):
    """A connection as ``onenet_api.connections.model.Connection`` describes it."""

    __tablename__ = "connections"

    id: UUID = Field(primary_key=True)
    name: str
    resource_left: UUID
    resource_right: UUID
    service_left: UUID = Field(index=True)
    service_right: UUID = Field(index=True)
    left: dict[str, Any] = _json()
    right: dict[str, Any] = _json()
    state: str
    desired_state: str
    dry_run: bool
    health: str
    health_reasons: list[str] = _json()
    ctype: str | None = Field(default=None, sa_type=Text)
    requested_ctype: str | None = Field(default=None, sa_type=Text)
    adopt: bool
    adopted: bool
    l4filters: list[Any] = _json()
    requirements: dict[str, Any] = _json()
    details: dict[str, str] = _json()
    evaluation: list[Any] = _json()
    reasons: list[str] = _json()
    reasons_told: dict[str, list[str]] = _json("{}")
    plan: list[Any] = _json()
    flags: list[Any] = _json()
    refused_paths: list[Any] = _json()
    connected_by: UUID | None = None
    terms: str
    needed_from: list[Any] = _json()
    given: list[Any] = _json()
    generation: int
    established_generation: int
    requested_by: str
    trace_id: str
    traceparent: str = Field(sa_column_kwargs={"server_default": ""})
    published_at: datetime = _time()
    attempts: int
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int

    __table_args__ = (
        Index(
            "connections_live_pair",
            text("least(resource_left, resource_right)"),
            text("greatest(resource_left, resource_right)"),
            unique=True,
            postgresql_where=text(LIVE_PAIR),
        ),
        Index("connections_resource_left", "resource_left"),
        Index("connections_resource_right", "resource_right"),
        Index(
            "connections_under_way",
            "published_at",
            postgresql_where=text("state IN ('REQUESTED', 'PROVISIONING', 'DELETING')"),
        ),
    )


class TimelineRow(Table, table=True):
    """One event of a connection's life; ``id`` is the event's."""

    __tablename__ = "timeline"

    id: UUID = Field(primary_key=True)
    connection_id: UUID
    type: str
    time: datetime = _time()
    actor: str
    source: str
    generation: int
    trace_id: str
    summary: str
    data: dict[str, Any] = _json()

    __table_args__ = (
        Index("timeline_of_connection", "connection_id", "time", "id"),
        Index("timeline_time", "time"),
    )


class AuditRow(Table, table=True):
    """A change that somebody made; ``services`` are those whose owners may read of it."""

    __tablename__ = "audit"

    id: UUID = Field(primary_key=True)
    time: datetime = _time()
    actor: str
    action: str
    object_type: str
    object_id: UUID
    detail: dict[str, Any] = _json()
    services: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    trace_id: str

    __table_args__ = (
        Index("audit_time", desc("time"), desc("id")),
        Index("audit_services", "services", postgresql_using="gin"),
    )


class AnswerRow(Table, table=True):
    """What a request with an idempotency key was answered; kept for a day."""

    __tablename__ = "answers"

    caller: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    request_digest: str
    status: int
    location: str
    etag: str
    body: str
    created_at: datetime = Field(
        index=True, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )


class ReplayRow(Table, table=True):
    """A dead letter that was put back on its topic; ``letter`` is where it lies."""

    __tablename__ = "replays"

    id: UUID = Field(primary_key=True)
    letter: str
    actor: str
    replayed_at: datetime = _time()


class WebhookRow(Table, table=True):
    """Both secrets are sealed; the previous one signs too until ``previous_until``."""

    __tablename__ = "webhooks"

    id: UUID = Field(primary_key=True)
    service: UUID = Field(foreign_key="services.id", ondelete="CASCADE", index=True)
    url: str
    description: str
    types: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    secret: str
    previous_secret: str | None = Field(default=None, sa_type=Text)
    previous_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    enabled: bool = Field(sa_column_kwargs={"server_default": true()})
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    created_by: str
    created_at: datetime = _time()
    updated_at: datetime = _time()
    version: int = _number(1)


class DeliveryRow(Table, table=True):
    """An event that a webhook has yet to get; rows of one webhook and subject go in the order of ``seq``."""

    __tablename__ = "deliveries"

    seq: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    webhook: UUID = Field(foreign_key="webhooks.id", ondelete="CASCADE")
    event_id: UUID
    subject: UUID
    type: str
    time: datetime = Field(sa_type=DateTime(timezone=True))
    body: str
    due_at: datetime = _time()
    attempts: int = _number(0)
    first_attempt_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    leased_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

    __table_args__ = (
        Index("deliveries_in_order", "webhook", "subject", "seq"),
        Index("deliveries_due", "due_at", "seq"),
    )


class AttemptRow(Table, table=True):
    """One attempt to deliver."""

    __tablename__ = "webhook_attempts"

    id: UUID = Field(primary_key=True)
    webhook: UUID = Field(foreign_key="webhooks.id", ondelete="CASCADE")
    event_id: UUID
    type: str
    time: datetime = _time()
    number: int
    outcome: str
    status: int | None = None
    error: str
    milliseconds: int

    __table_args__ = (
        Index("webhook_attempts_of_webhook", "webhook", "time", "id"),
        Index("webhook_attempts_time", "time"),
    )


class RecipientRow(Table, table=True):
    """A person who chose to be told by mail; ``principals`` as of when he chose."""

    __tablename__ = "mail_recipients"

    name: str = Field(primary_key=True, sa_type=Text)
    principals: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    address: str
    preferences: dict[str, Any] = _json()
    attempts: int = _number(0)
    leased_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    updated_at: datetime = _time()

    __table_args__ = (Index("mail_recipients_principals", "principals", postgresql_using="gin"),)


class MailLineRow(Table, table=True):
    """An event that a person is to be told by mail once it is due."""

    __tablename__ = "mail_lines"

    seq: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    recipient: str = Field(foreign_key="mail_recipients.name", ondelete="CASCADE", sa_type=Text)
    event_id: UUID
    time: datetime = Field(sa_type=DateTime(timezone=True))
    about: str
    kind: str
    summary: str
    due_at: datetime = _time()

    __table_args__ = (
        Index("mail_lines_of_recipient", "recipient", "due_at"),
        Index("mail_lines_due", "due_at"),
    )


class FindingMarkRow(Table, table=True):
    """What an owner thinks of a finding of the monitor's; see ``findings/store.py``."""

    __tablename__ = "finding_marks"

    finding: UUID = Field(primary_key=True)
    state: str
    until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    note: str
    marked_by: str
    marked_at: datetime = _time()
