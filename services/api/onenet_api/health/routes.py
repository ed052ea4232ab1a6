"""A connection's health."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from onenet_api.auth import Caller
from onenet_api.connections import spans
from onenet_api.connections import store as connections
from onenet_api.context import Api
from onenet_api.health import store
from onenet_api.health.views import HealthView
from onenet_api.openapi import NOT_FOUND
from onenet_api.problems import not_found
from onenet_common.connection import Side

router = APIRouter(prefix="/v1/connections", tags=["connections"])


@router.get("/{connection_id}/health", responses=NOT_FOUND)
async def read_health(api: Api, caller: Caller, connection_id: UUID) -> HealthView:
    """Whether packets pass, who says so, and how much of each month they did.

    When the watchdog or the monitor itself is dead, this is UNKNOWN a few minutes later. It is a
    problem `monitor-unavailable` (503) where the monitor has never run.
    """
    async with api.database.acquire() as connection:
        if (seen := await connections.find(connection, caller, connection_id)) is None:
            raise not_found("connection", connection_id)
        spans.concerns(seen.connection)
        verdict, months = await store.read(connection, connection_id)
    owned = frozenset(side for side in Side if seen.connection.side(side).service in seen.owned)
    return HealthView.of(connection_id, verdict, months, owned)
