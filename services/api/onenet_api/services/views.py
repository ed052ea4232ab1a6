"""What users send and see of services."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from onenet_api.pages import PageQuery, Words
from onenet_api.tokens import GROUP, LONGEST_NAME
from onenet_common.connection import Name, Text


def _names_somebody(owner: str) -> str:
    if owner == GROUP:
        raise ValueError(f"{owner!r} names no group; write group:<name>")
    return owner


Owner = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=LONGEST_NAME + len(GROUP),
        pattern=r"^[^\x00-\x1f\x7f]+$",
    ),
    AfterValidator(_names_somebody),
    Field(description="A user name, or `group:<name>`.", examples=["alice", "group:platform"]),
]
Owners = Annotated[list[Owner], Field(min_length=1, max_length=50)]


class ServiceRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "orders", "description": "takes orders", "owners": ["group:orders-team"]}
        },
    )

    name: Name
    description: Text = ""
    owners: list[Owner] = Field(
        default=[], max_length=50, description="The caller is added when he is none of them."
    )


class ServiceChange(BaseModel):
    """What is left out, or null, stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"owners": ["alice", "group:orders-team"]}}
    )

    name: Name | None = None
    description: Text | None = None
    owners: Owners | None = None


class ServiceView(BaseModel):
    """A container of providers and resources, owned by users."""

    model_config = ConfigDict(title="Service")

    id: UUID
    name: str
    description: str
    owners: list[str]
    providers: list[UUID]
    resources: list[UUID]
    created_at: datetime
    updated_at: datetime
    version: int


class ServiceQuery(PageQuery):
    name: Words | None = None
    sort: Literal["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] = "name"
