"""The directory: what signed-in users may know of services and resources that are not theirs.

It is enough to ask for a connection, and nothing more: no addresses, accounts or roles.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.pages import Listing, Page, PageQuery, Words
from onenet_common.connection import ProviderType

router = APIRouter(prefix="/v1/directory", tags=["directory"])

_SERVICES = """
SELECT s.id, s.name, s.description, s.owners,
    ARRAY(SELECT DISTINCT p.provider_type FROM providers p WHERE p.service = s.id ORDER BY 1) AS platforms,
    ARRAY(SELECT DISTINCT p.region FROM providers p WHERE p.service = s.id ORDER BY 1) AS regions
FROM services s
"""
_RESOURCES = """
SELECT r.id, r.name, r.description, s.owners, r.service, s.name AS service_name,
    p.provider_type AS platform, p.region
FROM resources r JOIN services s ON s.id = r.service JOIN providers p ON p.id = r.provider
"""


class ListedService(BaseModel):
    """A service as everybody may know it."""

    id: UUID
    name: str
    description: str
    owners: list[str]
    platforms: list[ProviderType]
    regions: list[str]


class ListedResource(BaseModel):
    """A resource as everybody may know it."""

    id: UUID
    name: str
    description: str
    owners: list[str]
    service: UUID
    service_name: str
    platform: ProviderType
    region: str


class DirectoryQuery(PageQuery):
    q: Words | None = None
    sort: Literal["name", "-name"] = "name"


class DirectoryResourceQuery(DirectoryQuery):
    service: UUID | None = None


@router.get("/services")
async def find_services(
    api: Api, _caller: Caller, query: Annotated[DirectoryQuery, Query()]
) -> Page[ListedService]:
    """Services whose name or description contains `q`."""
    listing = Listing(_SERVICES, "s.id", {"name": "s.name"})
    if query.q is not None:
        listing.where("(s.name ILIKE ? OR s.description ILIKE ?)", containing(query.q))
    async with api.database.acquire() as connection:
        rows, following = await listing.fetch(connection, query)
    return Page(items=[ListedService.model_validate(dict(row)) for row in rows], next=following)


@router.get("/resources")
async def find_resources(
    api: Api, _caller: Caller, query: Annotated[DirectoryResourceQuery, Query()]
) -> Page[ListedResource]:
    """Resources that are there, whose name, description or service's name contains `q`."""
    listing = Listing(_RESOURCES, "r.id", {"name": "r.name"})
    listing.where("r.state = ?", "PRESENT")
    if query.service is not None:
        listing.where("r.service = ?", query.service)
    if query.q is not None:
        words = containing(query.q)
        listing.where("(r.name ILIKE ? OR r.description ILIKE ? OR s.name ILIKE ?)", words)
    async with api.database.acquire() as connection:
        rows, following = await listing.fetch(connection, query)
    return Page(items=[ListedResource.model_validate(dict(row)) for row in rows], next=following)


def containing(words: str) -> str:
    """The LIKE pattern of texts that contain these words as they are."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
