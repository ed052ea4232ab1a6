"""Findings: what the traffic shows that its owners should know."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from onenet_api.answers import Answer
from onenet_api.audit import log as audit
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.findings import store
from onenet_api.findings.views import (
    Acknowledgement,
    FindingQuery,
    FindingState,
    FindingView,
    Muting,
)
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import NOT_FOUND, REPLAYED
from onenet_api.pages import Page
from onenet_api.problems import not_found
from onenet_common.database import Connection

router = APIRouter(prefix="/v1/findings", tags=["findings"])


@router.get("")
async def list_findings(
    api: Api, caller: Caller, query: Annotated[FindingQuery, Query()]
) -> Page[FindingView]:
    """What the traffic of the caller's networks shows: detours over the internet, protocols in the
    clear, refused traffic and what explains it, connections that are idle, full or dear.

    A finding closes by itself when its cause is gone.
    """
    async with api.database.acquire() as connection:
        return await store.page(connection, caller, query)


@router.get("/{finding_id}", responses=NOT_FOUND)
async def read_finding(api: Api, caller: Caller, finding_id: UUID) -> FindingView:
    """One finding, with its evidence and what to do about it."""
    async with api.database.acquire() as connection:
        return await _found(connection, caller, finding_id)


@router.post("/{finding_id}/acknowledge", response_model=FindingView, responses=REPLAYED | NOT_FOUND)
async def acknowledge_finding(
    api: Api,
    caller: Caller,
    finding_id: UUID,
    acknowledgement: Acknowledgement,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say that you know of it. When it opens again after it has closed, that is news."""

    async def effect(connection: Connection) -> Answer:
        finding = await _found(connection, caller, finding_id)
        state = FindingState.ACKNOWLEDGED
        await store.mark(connection, caller, finding_id, state, acknowledgement.note, None)
        return await _recorded(
            connection, caller, finding, "finding.acknowledge", acknowledgement.model_dump()
        )

    key = Once.of(caller, idempotency_key, acknowledgement, f"acknowledge {finding_id}")
    return await once(api.database, key, effect)


@router.post("/{finding_id}/mute", response_model=FindingView, responses=REPLAYED | NOT_FOUND)
async def mute_finding(
    api: Api, caller: Caller, finding_id: UUID, muting: Muting, idempotency_key: IdempotencyKey = None
) -> Response:
    """Do not want to hear of it, for a time or for good, however often it opens."""

    async def effect(connection: Connection) -> Answer:
        finding = await _found(connection, caller, finding_id)
        await store.mark(connection, caller, finding_id, FindingState.MUTED, muting.note, muting.until)
        detail = muting.model_dump(mode="json")
        return await _recorded(connection, caller, finding, "finding.mute", detail)

    key = Once.of(caller, idempotency_key, muting, f"mute {finding_id}")
    return await once(api.database, key, effect)


@router.post("/{finding_id}/reopen", response_model=FindingView, responses=REPLAYED | NOT_FOUND)
async def reopen_finding(
    api: Api, caller: Caller, finding_id: UUID, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take an acknowledgement or a muting back."""

    async def effect(connection: Connection) -> Answer:
        finding = await _found(connection, caller, finding_id)
        await store.unmark(connection, finding_id)
        return await _recorded(connection, caller, finding, "finding.reopen", {})

    key = Once.of(caller, idempotency_key, None, f"reopen {finding_id}")
    return await once(api.database, key, effect)


async def _found(connection: Connection, caller: Caller, finding_id: UUID) -> FindingView:
    if (finding := await store.find(connection, caller, finding_id)) is None:
        raise not_found("finding", finding_id)
    return finding


async def _recorded(
    connection: Connection, caller: Caller, finding: FindingView, action: str, detail: dict[str, Any]
) -> Answer:
    concerned = await store.services(connection, finding)
    await audit.record(connection, audit.Entry(caller.name, action, finding.id, concerned, detail))
    changed = await _found(connection, caller, finding.id)
    return Answer(200, changed.model_dump_json(), "")
