"""Dead letters: what could not be processed, for administrators to look at and to put back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from onenet_api.answers import Answer
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.dead_letters import cursors, store
from onenet_api.dead_letters.letters import Place, Wanted, summary
from onenet_api.dead_letters.views import (
    DeadLetterDetail,
    DeadLetterQuery,
    DeadLetterView,
    LetterId,
    ReplayedLetter,
    ReplayRequest,
    ReplayView,
    contents,
    fields,
)
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import NOT_FOUND, REPLAYED
from onenet_api.pages import Page
from onenet_api.problems import Problem, invalid, not_found
from onenet_api.tokens import User
from onenet_common.database import Connection


async def _administrator(caller: Caller) -> User:
    """For everybody else there is nothing here, as with all that is not theirs."""
    if not caller.admin:
        raise Problem(404, "not-found", "there is nothing here; /docs lists what there is")
    return caller


Administrator = Annotated[User, Depends(_administrator)]
router = APIRouter(prefix="/v1", tags=["dead letters"])


@router.get("/dead-letters", responses=NOT_FOUND)
async def list_dead_letters(
    api: Api, _caller: Administrator, query: Annotated[DeadLetterQuery, Query()]
) -> Page[DeadLetterView]:
    """Dead letters, newest first, for administrators. A page may be short, even empty, when it has
    looked at many letters that do not match; there are more as long as `next` is not null."""
    if query.topic is not None and query.topic not in api.dead_letters.topics:
        raise invalid("topic", query.topic, f"one of {', '.join(api.dead_letters.topics)} is expected")
    wanted = Wanted(query.topic, query.code, query.group, query.since)
    below = cursors.decode(query.cursor) if query.cursor is not None else None
    letters, left = await api.dead_letters.newest(wanted, query.limit, below)
    async with api.database.acquire() as connection:
        replays = await store.replays(connection, letters)
    items = [
        DeadLetterView.model_validate(fields(letter) | _replay(replays.get(letter.identity)))
        for letter in letters
    ]
    return Page(items=items, next=cursors.encode(left) if left else None)


@router.get("/dead-letters/{letter_id}", responses=NOT_FOUND)
async def read_dead_letter(api: Api, _caller: Administrator, letter_id: LetterId) -> DeadLetterDetail:
    """One dead letter with its headers, and of its value up to 64 KiB."""
    place = Place.parse(letter_id)
    record = (await api.dead_letters.find([place])).get(place) if place is not None else None
    if record is None:
        raise not_found("dead letter", letter_id)
    letter = summary(record)
    async with api.database.acquire() as connection:
        replays = await store.replays(connection, [letter])
    told = fields(letter) | contents(record) | _replay(replays.get(letter.identity))
    return DeadLetterDetail.model_validate(told)


@router.post("/dead-letter-replays", response_model=ReplayView, responses=REPLAYED | NOT_FOUND)
async def replay_dead_letters(
    api: Api, caller: Administrator, request: ReplayRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put letters back on the topics that they come from, each once, however often it is asked for.
    Who has handled the event drops it; what fails again is a new dead letter."""
    places = list(dict.fromkeys(place for one in request.ids if (place := Place.parse(one)) is not None))

    async def effect(connection: Connection) -> Answer:
        outcomes = await api.replaying.replay(connection, places, caller.name)
        items = [ReplayedLetter(id=str(place), outcome=outcome) for place, outcome in outcomes.items()]
        return Answer(200, ReplayView(items=items).model_dump_json(), "")

    request_once = Once.of(caller, idempotency_key, request, "replay dead letters")
    return await once(api.database, request_once, effect)


def _replay(row: store.Replay | None) -> dict[str, object]:
    return {"replayed_at": row["replayed_at"], "replayed_by": row["actor"]} if row is not None else {}
