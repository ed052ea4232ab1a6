"""Connections: ask for them, agree to them, follow them, take them down."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from onenet_api.answers import show
from onenet_api.auth import Caller
from onenet_api.connections import actions, following, spans, store
from onenet_api.connections.actions import Asked
from onenet_api.connections.views import (
    Approval,
    ConnectionChange,
    ConnectionQuery,
    ConnectionRequest,
    ConnectionView,
    Refusal,
    Retry,
    TimelineItem,
    TimelineQuery,
)
from onenet_api.context import Api
from onenet_api.etags import IfMatch, IfNoneMatch, tag
from onenet_api.events import history
from onenet_api.idempotency import IdempotencyKey, Once
from onenet_api.openapi import ACCEPTED, CHANGED, CONFLICT, NOT_FOUND, NOT_MODIFIED, STALE
from onenet_api.pages import Page
from onenet_api.problems import not_found

router = APIRouter(prefix="/v1/connections", tags=["connections"])

Wait = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait for another version than If-None-Match or now.")
]


async def _asked(
    api: Api,
    caller: Caller,
    connection_id: UUID,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Asked:
    return Asked(api, caller, connection_id, if_match, idempotency_key)


Asking = Annotated[Asked, Depends(_asked)]


@router.post("", status_code=202, response_model=ConnectionView, responses=ACCEPTED | NOT_FOUND | CONFLICT)
async def request_connection(
    api: Api, caller: Caller, request: ConnectionRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask for two resources to be connected; the caller owns at least one of them.

    The other side's owner has to agree, by approving or by asking for the same himself: where the
    pair waits for the caller already, this request is his consent.
    """
    return await actions.request(api, caller, request, Once.of(caller, idempotency_key, request))


@router.get("")
async def list_connections(
    api: Api, caller: Caller, query: Annotated[ConnectionQuery, Query()]
) -> Page[ConnectionView]:
    """The connections of which the caller owns either side."""
    async with api.database.acquire() as connection:
        page, next_cursor = await store.page(connection, caller, query)
    items = [ConnectionView.of(seen.connection, seen.owned) for seen in page]
    return Page(items=items, next=next_cursor)


@router.get("/{connection_id}", response_model=ConnectionView, responses=NOT_FOUND | NOT_MODIFIED)
async def read_connection(
    api: Api, caller: Caller, connection_id: UUID, if_none_match: IfNoneMatch = None, wait: Wait = 0
) -> Response:
    """One connection, at once or as soon as it changes.

    With `wait` and `If-None-Match` the answer comes when the version is another, or after that
    time as 304; with `wait` alone, when it changes from what it is now, or after that time as it is.
    """
    seen, unchanged = await following.follow(api, caller, connection_id, if_none_match, wait)
    if unchanged:
        return Response(status_code=304, headers={"ETag": tag(seen.connection.version)})
    return show(ConnectionView.of(seen.connection, seen.owned))


@router.patch(
    "/{connection_id}",
    status_code=202,
    response_model=ConnectionView,
    responses=ACCEPTED | NOT_FOUND | CONFLICT | STALE,
)
async def change_connection(asked: Asking, change: ConnectionChange) -> Response:
    """Want a connection otherwise: other filters, wishes, ctype or name.

    It is built anew with the networks as they are now, once everybody has agreed to addresses and
    filters that are not those of before. What is established stays as it is until then, and when
    the change comes to nothing. While a connection is under way or leaving this is a conflict.
    """
    return await actions.change(asked, change)


@router.delete(
    "/{connection_id}",
    status_code=202,
    response_model=ConnectionView,
    responses=ACCEPTED | NOT_FOUND | CONFLICT | STALE,
)
async def delete_connection(asked: Asking) -> Response:
    """Take a connection down; either side may. What was deleted stays readable, and deleting it
    again is a conflict."""
    return await actions.delete(asked)


@router.post(
    "/{connection_id}/approve",
    status_code=202,
    response_model=ConnectionView,
    responses=ACCEPTED | NOT_FOUND | CONFLICT | STALE,
)
async def approve_connection(asked: Asking, approval: Approval) -> Response:
    """Agree to exactly the addresses and filters that these terms stand for.

    With other terms than the current ones it is a conflict whose `terms` are the current ones. Who
    has agreed already, while the other side has not, changes nothing and learns no terms.
    """
    return await actions.approve(asked, approval)


@router.post(
    "/{connection_id}/refuse",
    response_model=ConnectionView,
    responses=CHANGED | NOT_FOUND | CONFLICT | STALE,
)
async def refuse_connection(asked: Asking, refusal: Refusal) -> Response:
    """Do not agree. What was not established becomes REJECTED; what was stays as it was agreed."""
    return await actions.refuse(asked, refusal)


@router.post(
    "/{connection_id}/retry",
    status_code=202,
    response_model=ConnectionView,
    responses=ACCEPTED | NOT_FOUND | CONFLICT | STALE,
)
async def retry_connection(asked: Asking, retry: Retry | None = None) -> Response:
    """Ask again, with the networks as they are now: after a failure, to carry out a dry run, or to
    take changed addresses into an established connection."""
    return await actions.retry(asked, retry or Retry())


@router.get("/{connection_id}/timeline", responses=NOT_FOUND)
async def read_timeline(
    api: Api, caller: Caller, connection_id: UUID, query: Annotated[TimelineQuery, Query()]
) -> Page[TimelineItem]:
    """Everything that happened to a connection: when, because of whom, in which trace.

    Of the other side it tells what events do: its addresses and account once it has agreed, and never what
    else is in that account.
    """
    async with api.database.acquire() as connection:
        if (seen := await store.find(connection, caller, connection_id)) is None:
            raise not_found("connection", connection_id)
        spans.concerns(seen.connection)
        return await history.page(connection, seen, query)
