"""Services: who owns what."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from onenet_api import etags
from onenet_api.answers import REMOVED, Answer, show
from onenet_api.audit import log as audit
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.etags import IfMatch
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import CHANGED, CREATED, GONE, IN_USE, NOT_FOUND, STALE
from onenet_api.pages import Page
from onenet_api.problems import not_found
from onenet_api.services import store
from onenet_api.services.views import ServiceChange, ServiceQuery, ServiceRequest, ServiceView
from onenet_common.database import Connection

router = APIRouter(prefix="/v1/services", tags=["services"])


@router.post("", status_code=201, response_model=ServiceView, responses=CREATED)
async def create_service(
    api: Api, caller: Caller, request: ServiceRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create a service; the caller owns it, himself or through one of his groups."""
    owners = list(dict.fromkeys(request.owners))
    if not set(caller.principals) & set(owners):
        owners.insert(0, caller.name)

    async def create(connection: Connection) -> Answer:
        service = await store.create(connection, request, owners)
        detail = {"name": service.name, "owners": owners}
        await audit.record(
            connection, audit.Entry(caller.name, "service.create", service.id, [service.id], detail)
        )
        return Answer.of(service, 201, f"/v1/services/{service.id}")

    return await once(api.database, Once.of(caller, idempotency_key, request), create)


@router.get("")
async def list_services(
    api: Api, caller: Caller, query: Annotated[ServiceQuery, Query()]
) -> Page[ServiceView]:
    """The services that the caller owns; administrators own all."""
    async with api.database.acquire() as connection:
        return await store.page(connection, caller, query)


@router.get("/{service_id}", response_model=ServiceView, responses=NOT_FOUND)
async def read_service(api: Api, caller: Caller, service_id: UUID) -> Response:
    """One service."""
    async with api.database.acquire() as connection:
        service = await store.find(connection, caller, service_id)
    if service is None:
        raise not_found("service", service_id)
    return show(service)


@router.patch("/{service_id}", response_model=ServiceView, responses=CHANGED | NOT_FOUND | STALE)
async def change_service(
    api: Api,
    caller: Caller,
    service_id: UUID,
    change: ServiceChange,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Rename or describe a service, or hand it to other owners."""
    changes = change.model_dump(exclude_none=True)

    async def effect(connection: Connection) -> Answer:
        service = await store.find(connection, caller, service_id, lock=True)
        if service is None:
            raise not_found("service", service_id)
        etags.require(if_match, service.version)
        changed = await store.change(connection, service.model_copy(update=changes))
        await audit.record(
            connection, audit.Entry(caller.name, "service.change", service_id, [service_id], changes)
        )
        return Answer.of(changed)

    return await once(api.database, Once.of(caller, idempotency_key, change, f"change {service_id}"), effect)


@router.delete("/{service_id}", status_code=204, responses=GONE | NOT_FOUND | STALE | IN_USE)
async def delete_service(
    api: Api,
    caller: Caller,
    service_id: UUID,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Delete a service that has no providers."""

    async def effect(connection: Connection) -> Answer:
        service = await store.find(connection, caller, service_id, lock=True)
        if service is None:
            raise not_found("service", service_id)
        etags.require(if_match, service.version)
        await store.delete(connection, service_id)
        detail = {"name": service.name}
        await audit.record(
            connection, audit.Entry(caller.name, "service.delete", service_id, [service_id], detail)
        )
        return REMOVED

    return await once(api.database, Once.of(caller, idempotency_key, None, f"delete {service_id}"), effect)
