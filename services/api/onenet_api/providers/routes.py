"""Providers: environments where resources are found, and how OneNet gets in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from onenet_api import etags
from onenet_api.answers import REMOVED, Answer, show
from onenet_api.audit import log as audit
from onenet_api.auth import Caller
from onenet_api.context import Api, Context
from onenet_api.etags import IfMatch
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import ACCEPTED, CHANGED, GONE, IN_USE, NOT_FOUND, STALE
from onenet_api.pages import Page
from onenet_api.problems import invalid, not_found
from onenet_api.providers import store
from onenet_api.providers.views import (
    ProviderChange,
    ProviderQuery,
    ProviderRequest,
    ProviderView,
    require_account,
)
from onenet_api.services import store as services
from onenet_api.tokens import User
from onenet_common import outbox
from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import (
    ProviderDiscoveryRequested,
    ProviderEvent,
    ProviderRegistered,
    ProviderRemoved,
)

router = APIRouter(prefix="/v1/providers", tags=["providers"])


@router.post("", status_code=202, response_model=ProviderView, responses=ACCEPTED | NOT_FOUND)
async def create_provider(
    api: Api, caller: Caller, request: ProviderRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Register a provider. The answer has the two policies that its role needs; discovery starts
    at once and is tried again until the role lets OneNet in."""

    async def create(connection: Connection) -> Answer:
        if await services.find(connection, caller, request.service) is None:
            raise not_found("service", request.service)
        provider = await store.create(connection, request, api.settings.api_aws_account)
        detail = {"account": provider.account, "region": provider.region, "role_arn": provider.role_arn}
        event = ProviderRegistered(provider_id=provider.id, provider=provider.provider)
        await _publish(connection, caller, provider, "provider.create", event, detail)
        return Answer.of(provider, 202, f"/v1/providers/{provider.id}")

    return await once(api.database, Once.of(caller, idempotency_key, request), create)


@router.get("")
async def list_providers(
    api: Api, caller: Caller, query: Annotated[ProviderQuery, Query()]
) -> Page[ProviderView]:
    """The providers of the services that the caller owns."""
    async with api.database.acquire() as connection:
        return await store.page(connection, caller, query, api.settings.api_aws_account)


@router.get("/{provider_id}", response_model=ProviderView, responses=NOT_FOUND)
async def read_provider(api: Api, caller: Caller, provider_id: UUID) -> Response:
    """One provider."""
    async with api.database.acquire() as connection:
        return show(await _find(api, connection, caller, provider_id))


@router.patch("/{provider_id}", response_model=ProviderView, responses=CHANGED | NOT_FOUND | STALE)
async def change_provider(
    api: Api,
    caller: Caller,
    provider_id: UUID,
    change: ProviderChange,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Rename a provider or give it another role of the same account; it is discovered anew."""
    changes = change.model_dump(exclude_none=True)

    async def effect(connection: Connection) -> Answer:
        provider = await _find(api, connection, caller, provider_id, lock=True)
        etags.require(if_match, provider.version)
        changed = provider.model_copy(update=changes)
        try:
            require_account(changed.role_arn, changed.account)
        except ValueError as error:
            raise invalid("role_arn", change.role_arn, str(error)) from None
        stored = await store.change(connection, changed, api.settings.api_aws_account)
        event = ProviderRegistered(provider_id=stored.id, provider=stored.provider)
        await _publish(connection, caller, stored, "provider.change", event, changes)
        return Answer.of(stored)

    return await once(api.database, Once.of(caller, idempotency_key, change, f"change {provider_id}"), effect)


@router.delete("/{provider_id}", status_code=204, responses=GONE | NOT_FOUND | STALE | IN_USE)
async def delete_provider(
    api: Api,
    caller: Caller,
    provider_id: UUID,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Forget a provider and its resources, once no live connection uses them."""

    async def effect(connection: Connection) -> Answer:
        provider = await _find(api, connection, caller, provider_id, lock=True)
        etags.require(if_match, provider.version)
        await store.delete(connection, provider_id)
        event = ProviderRemoved(provider_id=provider_id, service=provider.service)
        await _publish(connection, caller, provider, "provider.delete", event, {"name": provider.name})
        return REMOVED

    return await once(api.database, Once.of(caller, idempotency_key, None, f"delete {provider_id}"), effect)


@router.post(
    "/{provider_id}/discover", status_code=202, response_model=ProviderView, responses=ACCEPTED | NOT_FOUND
)
async def discover_provider(
    api: Api, caller: Caller, provider_id: UUID, idempotency_key: IdempotencyKey = None
) -> Response:
    """Look at the provider now; `discovered_at` tells when that has happened."""

    async def effect(connection: Connection) -> Answer:
        provider = await _find(api, connection, caller, provider_id)
        event = ProviderDiscoveryRequested(provider_id=provider_id, provider=provider.provider)
        await _publish(connection, caller, provider, "provider.discover", event, {})
        return Answer.of(provider, 202, f"/v1/providers/{provider_id}")

    return await once(api.database, Once.of(caller, idempotency_key, None, f"discover {provider_id}"), effect)


async def _find(
    api: Context, connection: Connection, user: User, provider: UUID, *, lock: bool = False
) -> ProviderView:
    found = await store.find(connection, user, provider, api.settings.api_aws_account, lock=lock)
    if found is None:
        raise not_found("provider", provider)
    return found


async def _publish(
    connection: Connection,
    user: User,
    provider: ProviderView,
    action: str,
    event: ProviderEvent,
    detail: dict[str, str],
) -> None:
    """The event and the audit entry of a change, in its transaction."""
    await outbox.publish(connection, [Message.of(event, actor=user.name)])
    await audit.record(connection, audit.Entry(user.name, action, provider.id, [provider.service], detail))
