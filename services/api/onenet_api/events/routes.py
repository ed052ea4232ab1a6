"""Events as they happen, to those whom they concern."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from onenet_api.auth import Caller, bearer
from onenet_api.context import Api
from onenet_api.events import positions
from onenet_api.events.positions import Positions
from onenet_api.events.stream import Asked
from onenet_api.events.views import EventQuery
from onenet_api.openapi import STREAM, TOO_MANY
from onenet_api.problems import invalid

router = APIRouter(tags=["events"])

LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        min_length=1,
        max_length=positions.LONGEST,
        description="The `id` of the last event that you have: the stream continues after it, whatever "
        "`since` says.",
    ),
]


@router.get("/v1/events", response_class=Response, responses=STREAM | TOO_MANY)
async def read_events(
    api: Api,
    caller: Caller,
    request: Request,
    query: Annotated[EventQuery, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Follow what happens to what the caller owns, as server-sent events.

    The `data` of each is an `Event`, as JSON; its `id` goes into `Last-Event-ID` when the stream
    breaks off, and nothing is missed: an event may come twice, with the same `id` inside. A
    comment comes when it is quiet. `event: end` says why the stream ends, `event: gap` that
    something between `Last-Event-ID` and now is not kept any more.
    """
    resume = _position(last_event_id) if last_event_id is not None else None
    return await api.streams.open(Asked(bearer(request), caller, query, resume))


def _position(text: str) -> Positions:
    try:
        return positions.decode(text)
    except ValueError:
        raise invalid("Last-Event-ID", text, "send the `id` of an event of this stream, unchanged") from None
