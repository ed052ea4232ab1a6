"""How much a connection carries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from onenet_api.auth import Caller
from onenet_api.connections import store as connections
from onenet_api.context import Api
from onenet_api.openapi import NOT_FOUND
from onenet_api.problems import invalid, not_found
from onenet_api.traffic import store
from onenet_api.traffic.views import (
    DEFAULT_STEPS,
    LENGTH,
    MOST_STEPS,
    BusiestQuery,
    BusiestView,
    TrafficQuery,
    TrafficView,
)

router = APIRouter(prefix="/v1", tags=["traffic"])


@router.get("/traffic")
async def read_busiest(api: Api, caller: Caller, query: Annotated[BusiestQuery, Query()]) -> BusiestView:
    """Which of the caller's connections carried most in the last minutes."""
    until = datetime.now(UTC)
    since = until.replace(second=0, microsecond=0) - timedelta(minutes=query.minutes)
    async with api.database.acquire() as connection:
        items = await store.busiest(connection, caller, since, until, query.limit)
    return BusiestView(since=since, until=until, items=items)


@router.get("/connections/{connection_id}/traffic", response_model=TrafficView, responses=NOT_FOUND)
async def read_traffic(
    api: Api, caller: Caller, connection_id: UUID, query: Annotated[TrafficQuery, Query()]
) -> Response:
    """What a connection carried, from flow logs: by steps of time, and by the services' ports.

    Where both networks log, what the sender's saw counts. Minutes are kept for a week, hours for
    three months, days for more than a year.
    """
    since, until = _range(query)
    async with api.database.acquire() as connection:
        if (found := await connections.find(connection, caller, connection_id)) is None:
            raise not_found("connection", connection_id)
        left = found.connection.left.id
        points, ports = await store.carried(connection, connection_id, left, query.step, since, until)
        last_seen = await store.last_seen(connection, connection_id)
    seen = {
        "connection": connection_id,
        "step": query.step,
        "since": since,
        "until": until,
        "last_seen": last_seen,
        "points": points,
        "ports": ports,
    }
    return Response(to_json(seen), media_type="application/json")


def _range(query: TrafficQuery) -> tuple[datetime, datetime]:
    """From when to when, at full steps: every step that is touched is shown whole."""
    length = LENGTH[query.step]
    until = query.until or datetime.now(UTC)
    try:
        since = query.since or until - DEFAULT_STEPS[query.step] * length
        since, until = since.astimezone(UTC), until.astimezone(UTC)
    except OverflowError:
        raise invalid("until", until.isoformat(), "give a time of this century") from None
    if since >= until:
        raise invalid("since", since.isoformat(), "give a time before until")
    if (until - since) / length > MOST_STEPS:
        most = f"ask for at most {MOST_STEPS} steps at once, or for longer ones"
        raise invalid("since", since.isoformat(), most)
    return since - (since - datetime.min.replace(tzinfo=UTC)) % length, until
