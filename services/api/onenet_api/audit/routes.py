"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.pages import Listing, Page, PageQuery, Words

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class AuditItem(BaseModel):
    """One change that somebody made."""

    model_config = ConfigDict(title="AuditEntry")

    id: UUID
    time: datetime
    actor: str
    action: str
    object_type: str
    object_id: UUID
    detail: dict[str, Any]
    trace_id: str


class AuditQuery(PageQuery):
    object_id: UUID | None = None
    actor: Words | None = None
    action: Words | None = Field(default=None, description="Such as `connection.approve`.")
    sort: Literal["time", "-time"] = "-time"


@router.get("")
async def list_audit(api: Api, caller: Caller, query: Annotated[AuditQuery, Query()]) -> Page[AuditItem]:
    """What was changed, by whom: of everything for administrators, of their own for others."""
    listing = Listing("SELECT a.* FROM audit a", "a.id", {"time": "a.time"})
    if not caller.admin:
        listing.where("a.services && ARRAY(SELECT id FROM services WHERE owners && ?)", caller.principals)
    if query.object_id is not None:
        listing.where("a.object_id = ?", query.object_id)
    if query.actor is not None:
        listing.where("a.actor = ?", query.actor)
    if query.action is not None:
        listing.where("a.action = ?", query.action)
    async with api.database.acquire() as connection:
        rows, following = await listing.fetch(connection, query)
    return Page(items=[AuditItem.model_validate(dict(row)) for row in rows], next=following)
