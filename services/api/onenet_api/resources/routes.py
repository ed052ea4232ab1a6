"""Resources: networks as they were discovered, with what their owners add."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from onenet_api import etags
from onenet_api.answers import Answer, show
from onenet_api.audit import log as audit
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.etags import IfMatch
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import CHANGED, NOT_FOUND, STALE
from onenet_api.pages import Page
from onenet_api.problems import not_found
from onenet_api.resources import store
from onenet_api.resources.views import ResourceChange, ResourceQuery, ResourceView
from onenet_common.database import Connection

router = APIRouter(prefix="/v1/resources", tags=["resources"])


@router.get("")
async def list_resources(
    api: Api, caller: Caller, query: Annotated[ResourceQuery, Query()]
) -> Page[ResourceView]:
    """The resources of the services that the caller owns."""
    async with api.database.acquire() as connection:
        return await store.page(connection, caller, query)


@router.get("/{resource_id}", response_model=ResourceView, responses=NOT_FOUND)
async def read_resource(api: Api, caller: Caller, resource_id: UUID) -> Response:
    """One resource."""
    async with api.database.acquire() as connection:
        resource = await store.find(connection, caller, resource_id)
    if resource is None:
        raise not_found("resource", resource_id)
    return show(resource)


@router.patch("/{resource_id}", response_model=ResourceView, responses=CHANGED | NOT_FOUND | STALE)
async def change_resource(
    api: Api,
    caller: Caller,
    resource_id: UUID,
    change: ResourceChange,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Describe a resource, and say which traffic connections to it are for by default.

    Connections that exist keep the filters that were agreed for them.
    """

    async def effect(connection: Connection) -> Answer:
        resource = await store.find(connection, caller, resource_id, lock=True)
        if resource is None:
            raise not_found("resource", resource_id)
        etags.require(if_match, resource.version)
        changes = {name: value for name, value in change if value is not None}
        changed = await store.change(connection, resource.model_copy(update=changes))
        detail = change.model_dump(mode="json", exclude_none=True)
        entry = audit.Entry(caller.name, "resource.change", resource_id, [resource.service], detail)
        await audit.record(connection, entry)
        return Answer.of(changed)

    return await once(api.database, Once.of(caller, idempotency_key, change, f"change {resource_id}"), effect)
