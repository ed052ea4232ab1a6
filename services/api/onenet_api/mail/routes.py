"""Mail: what the caller wants to be told, and when."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from onenet_api.answers import Answer
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.mail import store
from onenet_api.mail.preferences import Preferences
from onenet_api.openapi import CHANGED, CONFLICT
from onenet_api.problems import conflict
from onenet_common.database import Connection

router = APIRouter(prefix="/v1/me/mail", tags=["identity"])


class MailView(Preferences):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {"everything": {"when": "daily"}, "services": {}, "address": "alice@example.com"}
        }
    )

    address: str | None = Field(description="From the access token, when it was chosen; null before.")


@router.get("")
async def read_mail(api: Api, caller: Caller) -> MailView:
    """What the caller is told by mail."""
    async with api.database.acquire() as connection:
        address, chosen = await store.preferences(connection, caller.name)
    return MailView(address=address, **dict(chosen))


@router.put("", response_model=MailView, responses=CHANGED | CONFLICT)
async def choose_mail(
    api: Api, caller: Caller, chosen: Preferences, idempotency_key: IdempotencyKey = None
) -> Response:
    """Choose when to be told, and of what, for all services that the caller owns and for single ones.

    Mails go to the address in the access token. With it, the groups by which the caller owns services
    are taken as they are now: choose again after they have changed.
    """
    if not caller.email:
        raise conflict("no-address", "your access token names no verified e-mail address")
    view = MailView(address=caller.email, **dict(chosen))

    async def effect(connection: Connection) -> Answer:
        await store.choose(connection, caller, caller.email, chosen)
        return Answer(200, view.model_dump_json(), "")

    return await once(api.database, Once.of(caller, idempotency_key, chosen, "mail"), effect)
