"""Webhooks of a service: its owners are told over HTTP what happens."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from onenet_api import etags, idempotency
from onenet_api.answers import REMOVED, Answer, show
from onenet_api.audit import log as audit
from onenet_api.auth import Caller
from onenet_api.context import Api
from onenet_api.etags import IfMatch
from onenet_api.events.disclosure import EventView
from onenet_api.idempotency import IdempotencyKey, Once, once
from onenet_api.openapi import CHANGED, CONFLICT, CREATED, GONE, NOT_FOUND, REPLAYED, STALE
from onenet_api.pages import Page
from onenet_api.problems import conflict, invalid, not_found
from onenet_api.services import store as services
from onenet_api.webhooks import queue, schedule, signing, store, targets, worker
from onenet_api.webhooks.targets import TargetRefused
from onenet_api.webhooks.views import (
    AttemptQuery,
    AttemptView,
    Replayed,
    ReplayRequest,
    Rotation,
    WebhookChange,
    WebhookQuery,
    WebhookRequest,
    WebhookView,
)
from onenet_common.database import Connection

router = APIRouter(prefix="/v1/services/{service_id}/webhooks", tags=["webhooks"])

TEST = "onenet.webhook.test.v1"
"""What a test delivers; it is no event, and nobody else hears of it."""
TESTS = UUID("5f0c4a39-8f0b-4f1b-9f57-3f0f7f1d6c55")
"""The namespace of the ids of tests that carry an Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request about a service's webhooks."""

    api: Api
    caller: Caller
    service: UUID
    if_match: str | None
    key: str | None

    async def owned(self, connection: Connection) -> None:
        """
        Raises:
            Problem: 404 when the service does not exist for the caller.
        """
        if await services.find(connection, self.caller, self.service) is None:
            raise not_found("service", self.service)

    async def found(self, connection: Connection, webhook_id: UUID, *, lock: bool = False) -> WebhookView:
        """
        Raises:
            Problem: 404 when there is no such webhook for the caller, 412 for another version of it.
        """
        await self.owned(connection)
        webhook = await store.find(connection, self.service, webhook_id, lock=lock)
        if webhook is None:
            raise not_found("webhook", webhook_id)
        etags.require(self.if_match, webhook.version)
        return webhook

    def request(self, body: BaseModel | None, target: str) -> Once | None:
        """What its Idempotency-Key stands for; None without one.

        Args:
            target: what is done to which webhook.
        """
        return Once.of(self.caller, self.key, body, f"{target} of {self.service}")

    async def once(
        self, body: BaseModel | None, target: str, effect: Callable[[Connection], Awaitable[Answer]]
    ) -> Response:
        return await once(self.api.database, self.request(body, target), effect)

    async def note(self, connection: Connection, action: str, webhook: UUID, **detail: Any) -> None:
        entry = audit.Entry(self.caller.name, f"webhook.{action}", webhook, [self.service], detail)
        await audit.record(connection, entry)


async def _asked(
    api: Api,
    caller: Caller,
    service_id: UUID,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Asked:
    return Asked(api, caller, service_id, if_match, idempotency_key)


Asking = Annotated[Asked, Depends(_asked)]


@router.post(
    "", status_code=201, response_model=WebhookView, responses=CREATED | NOT_FOUND | CONFLICT | STALE
)
async def create_webhook(asked: Asking, request: WebhookRequest) -> Response:
    """Have events delivered to a URL. `secret` is in this answer and never again: a repeated request
    with the same Idempotency-Key is answered without it."""
    _check(asked, request.url)
    secret = signing.new_secret()

    async def effect(connection: Connection) -> Answer:
        await asked.owned(connection)
        sealed = asked.api.seals.seal(secret)
        webhook = await store.create(connection, asked.service, request, sealed, asked.caller.name)
        await asked.note(connection, "create", webhook.id, types=request.types)
        return Answer.of(webhook, 201, f"/v1/services/{asked.service}/webhooks/{webhook.id}")

    return _with_secret(await asked.once(request, "webhook", effect), secret)


@router.get("", responses=NOT_FOUND)
async def list_webhooks(
    api: Api, caller: Caller, service_id: UUID, query: Annotated[WebhookQuery, Query()]
) -> Page[WebhookView]:
    """The webhooks of a service."""
    async with api.database.acquire() as connection:
        await Asked(api, caller, service_id, None, None).owned(connection)
        return await store.page(connection, service_id, query)


@router.get("/{webhook_id}", response_model=WebhookView, responses=NOT_FOUND)
async def read_webhook(api: Api, caller: Caller, service_id: UUID, webhook_id: UUID) -> Response:
    """One webhook."""
    async with api.database.acquire() as connection:
        return show(await Asked(api, caller, service_id, None, None).found(connection, webhook_id))


@router.patch("/{webhook_id}", response_model=WebhookView, responses=CHANGED | NOT_FOUND | STALE)
async def change_webhook(asked: Asking, webhook_id: UUID, change: WebhookChange) -> Response:
    """Change where or of what a webhook is told, or enable it again; replay what it missed."""
    if change.url is not None:
        _check(asked, change.url)
    changes = change.model_dump(exclude_none=True)

    async def effect(connection: Connection) -> Answer:
        webhook = await asked.found(connection, webhook_id, lock=True)
        changed = await store.change(connection, webhook.model_copy(update=changes))
        await asked.note(connection, "change", webhook_id, changed=sorted(changes))
        return Answer.of(changed)

    return await asked.once(change, f"change webhook {webhook_id}", effect)


@router.delete("/{webhook_id}", status_code=204, responses=GONE | NOT_FOUND | STALE)
async def delete_webhook(asked: Asking, webhook_id: UUID) -> Response:
    """Delete a webhook, with what waits for it and its log."""

    async def effect(connection: Connection) -> Answer:
        await asked.found(connection, webhook_id, lock=True)
        await store.delete(connection, webhook_id)
        await asked.note(connection, "delete", webhook_id)
        return REMOVED

    return await asked.once(None, f"delete webhook {webhook_id}", effect)


@router.post(
    "/{webhook_id}/rotate", response_model=WebhookView, responses=CHANGED | NOT_FOUND | CONFLICT | STALE
)
async def rotate_secret(asked: Asking, webhook_id: UUID, rotation: Rotation) -> Response:
    """Make a new secret, shown in this answer alone. For a grace time both sign."""
    secret = signing.new_secret()

    async def effect(connection: Connection) -> Answer:
        await asked.found(connection, webhook_id, lock=True)
        sealed = asked.api.seals.seal(secret)
        rotated = await store.rotate(connection, webhook_id, sealed, rotation.grace_hours * 3600)
        await asked.note(connection, "rotate", webhook_id)
        return Answer.of(rotated)

    return _with_secret(await asked.once(rotation, f"rotate webhook {webhook_id}", effect), secret)


@router.post(
    "/{webhook_id}/replay",
    status_code=202,
    response_model=Replayed,
    responses=REPLAYED | NOT_FOUND | CONFLICT | STALE,
)
async def replay_events(asked: Asking, webhook_id: UUID, replay: ReplayRequest) -> Response:
    """Deliver events of connections again, from a time on and in their order, each with the
    `webhook-id` that it had."""

    async def effect(connection: Connection) -> Answer:
        webhook = await asked.found(connection, webhook_id, lock=True)
        if not webhook.enabled:
            raise conflict("webhook-disabled", "enable the webhook first")
        count = await store.replay(connection, webhook, replay.since)
        await asked.note(
            connection, "replay", webhook_id, since=replay.since.astimezone(UTC), deliveries=count
        )
        return Answer(202, Replayed(deliveries=count).model_dump_json(), "")

    return await asked.once(replay, f"replay webhook {webhook_id}", effect)


@router.post(
    "/{webhook_id}/test", response_model=AttemptView, responses=REPLAYED | NOT_FOUND | CONFLICT | STALE
)
async def try_webhook(asked: Asking, webhook_id: UUID) -> Response:
    """Deliver a test now, once, and see what comes of it; also when the webhook is disabled."""
    api, request = asked.api, asked.request(None, f"test webhook {webhook_id}")
    async with api.database.acquire() as connection:
        if request is not None and (replayed := await idempotency.replay(connection, request)) is not None:
            return replayed
        webhook = await asked.found(connection, webhook_id)
        keys = [api.seals.unseal(one) for one in await store.sealed_secrets(connection, webhook_id)]
    # No transaction stays open while the receiver thinks. A request that is repeated meanwhile, or after
    # a crash, delivers again; to the receiver it is the same message.
    told = _test_of(webhook, asked.caller.name, _message_id(request))
    sent = await worker.post(api.sender, webhook.url, str(told.id), told.model_dump_json(), keys)
    outcome = schedule.outcome(sent, tried_for=0, patience=1)
    attempt = AttemptView(
        id=uuid4(),
        time=told.time,
        event_id=told.id,
        type=TEST,
        number=1,
        outcome=outcome,
        status=sent.status,
        error=sent.error,
        milliseconds=round(sent.seconds * 1000),
    )

    async def effect(connection: Connection) -> Answer:
        await queue.record(connection, webhook_id, told.id, TEST, 1, sent, outcome)
        return Answer(200, attempt.model_dump_json(), "")

    return await once(api.database, request, effect)


@router.get("/{webhook_id}/attempts", responses=NOT_FOUND)
async def list_attempts(
    api: Api, caller: Caller, service_id: UUID, webhook_id: UUID, query: Annotated[AttemptQuery, Query()]
) -> Page[AttemptView]:
    """What was tried, and what came of it; newest first."""
    async with api.database.acquire() as connection:
        await Asked(api, caller, service_id, None, None).found(connection, webhook_id)
        return await store.attempts(connection, webhook_id, query)


def _check(asked: Asked, url: str) -> None:
    try:
        targets.checked(url, loopback=asked.api.settings.api_webhooks_loopback)
    except TargetRefused as refusal:
        raise invalid("url", url, str(refusal)) from None


def _with_secret(response: Response, secret: str) -> Response:
    """The answer with the secret that it was stored without."""
    if "Idempotency-Replayed" in response.headers:
        return response
    body = json.loads(bytes(response.body)) | {"secret": secret}
    headers = {name: response.headers[name] for name in ("etag", "location") if name in response.headers}
    return Response(json.dumps(body), response.status_code, headers, "application/json")


def _message_id(request: Once | None) -> UUID:
    """Of a test: the same each time that the request is sent with its key."""
    if request is None:
        return uuid4()
    return uuid5(TESTS, f"{request.caller} {request.key} {request.digest}")


def _test_of(webhook: WebhookView, actor: str, message_id: UUID) -> EventView:
    return EventView(
        id=message_id,
        type=TEST,
        time=datetime.now(UTC),
        subject=webhook.id,
        summary="a test that an owner asked for",
        actor=actor,
        source="onenet-api",
        trace_id="",
        connection=None,
        service=webhook.service,
        generation=None,
        state=None,
        health=None,
        data={},
    )
