"""What users send and see of resources."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from onenet_api.pages import PageQuery
from onenet_common.addresses import Cidr, parse_address, parse_network
from onenet_common.connection import Direction, L4Filter, ProviderType, Quota, Text


class ResourceState(StrEnum):
    PRESENT = "PRESENT"
    GONE = "GONE"


def _address_or_block(text: str) -> str:
    if "%" in text:
        raise ValueError(f"{text!r} names an interface; leave out what follows the %")
    return str(parse_network(text)) if "/" in text else str(parse_address(text))


def _without_direction(l4filter: L4Filter) -> L4Filter:
    if l4filter.direction is not Direction.BOTH:
        raise ValueError("a resource has no left or right; leave out direction, or give it both")
    return l4filter


Contained = Annotated[
    str,
    Field(max_length=49, description="An address or CIDR block that a subnet contains."),
    AfterValidator(_address_or_block),
]
OwnFilter = Annotated[L4Filter, AfterValidator(_without_direction)]


class ResourceChange(BaseModel):
    """What is left out, or null, stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "description": "orders, production",
                "l4filters": [{"protocol": "tcp", "from_port": 443, "to_port": 443}],
            }
        },
    )

    description: Text | None = None
    l4filters: list[OwnFilter] | None = Field(
        default=None, max_length=50, description="For connections that are asked for without any."
    )


class ResourceView(BaseModel):
    model_config = ConfigDict(title="Resource")

    id: UUID
    name: str
    description: str
    service: UUID
    provider: UUID
    provider_type: ProviderType
    account: str
    region: str
    native_id: str
    subnet: Cidr
    subnets: tuple[Cidr, ...]
    l4filters: list[L4Filter]
    tags: dict[str, str]
    quotas: dict[str, Quota]
    state: ResourceState
    discovered_at: datetime
    updated_at: datetime
    version: int


class ResourceQuery(PageQuery):
    service: UUID | None = None
    provider: UUID | None = None
    state: ResourceState | None = None
    contains: Contained | None = None
    sort: Literal["name", "-name", "updated_at", "-updated_at"] = "name"
