"""Services, providers and networks, as their owners see them and as everybody does."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from onenet_client.models.shapes import Model


class Service(Model):
    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    providers: tuple[UUID, ...] = ()
    resources: tuple[UUID, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class Provider(Model):
    """``trust_policy`` and ``permissions_policy`` are what the account's owner has to allow."""

    id: UUID
    name: str
    service: UUID
    provider_type: str
    account: str
    region: str
    role_arn: str = ""
    external_id: str = ""
    trust_policy: dict[str, Any] = Field(default_factory=dict)
    permissions_policy: dict[str, Any] = Field(default_factory=dict)
    status: str = "PENDING"
    status_reason: str | None = None
    discovered_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class Filter(Model):
    """Traffic that a connection is for; ports are inclusive."""

    protocol: str = "any"
    from_port: int | None = None
    to_port: int | None = None
    direction: str = "both"


class Resource(Model):
    id: UUID
    name: str
    description: str | None = None
    service: UUID
    provider: UUID
    provider_type: str = ""
    account: str = ""
    region: str = ""
    native_id: str = ""
    subnet: str = ""
    subnets: tuple[str, ...] = ()
    l4filters: tuple[Filter, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    quotas: dict[str, Any] = Field(default_factory=dict)
    state: str = ""
    discovered_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0


class DirectoryService(Model):
    """What every signed-in user may know of a service."""

    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()


class DirectoryResource(Model):
    """What every signed-in user may know of a resource: enough to ask for a connection."""

    id: UUID
    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    service: UUID
    service_name: str = ""
    platform: str = ""
    region: str = ""
