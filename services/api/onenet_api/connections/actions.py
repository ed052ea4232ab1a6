"""What users do to connections: load, decide, store. One function per verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog
from fastapi import Response
from pydantic import BaseModel

from onenet_api import etags, idempotency
from onenet_api.answers import Answer
from onenet_api.connections import admission, changes, decisions, spans, store
from onenet_api.connections.decisions import Caller, Decided
from onenet_api.connections.model import Connection
from onenet_api.connections.requests import New
from onenet_api.connections.store import Present, Seen
from onenet_api.connections.views import (
    Approval,
    ConnectionChange,
    ConnectionRequest,
    ConnectionView,
    Refusal,
    Retry,
)
from onenet_api.context import Context
from onenet_api.idempotency import Once
from onenet_api.problems import Problem, conflict, current_trace_id, not_found
from onenet_api.tokens import User
from onenet_common import database
from onenet_common.telemetry import meter

ATTEMPTS = 3
"""How often a request is judged anew because another one was faster in between."""

log = structlog.get_logger(__name__)
_decisions = meter.create_counter(
    "onenet.api.decisions", description="What users decided about connections that exist, by action"
)


async def request(api: Context, user: User, wanted: ConnectionRequest, once: Once | None) -> Response:
    """Ask for a connection, or give the consent that the same one waits for.

    Raises:
        Problem: 404 when the user owns neither side, 409 when the pair is connected already.
    """
    for _ in range(ATTEMPTS):
        try:
            if (response := await _judge(api, user, wanted, once)) is not None:
                return response
        except (Problem, asyncpg.UniqueViolationError) as refusal:
            # What was done for this key stands in the way of doing it again: look there first.
            if once is not None:
                async with api.database.acquire() as connection:
                    if (replayed := await idempotency.replay(connection, once)) is not None:
                        return replayed
            if isinstance(refusal, Problem):
                raise
            log.debug("request.overtaken", constraint=refusal.constraint_name)
    raise conflict("busy", "the same is being asked for elsewhere; see what there is and try again")


async def _judge(api: Context, user: User, wanted: ConnectionRequest, once: Once | None) -> Response | None:
    """Do what the request asks for; None when a resource has changed in between."""
    survey = await api.requests.survey(user, wanted)
    left, right = admission.endpoints(wanted, survey)
    caller = _caller(user, admission.services_of_caller(left, right))
    pending = admission.awaiting_consent(wanted, survey.occupant, caller.services)
    if pending is not None:
        return await _agree(api, user, wanted, pending, once)
    connected_by = survey.occupant.id if survey.occupant else None
    decided = decisions.begin(admission.draft(wanted, left, right, caller, connected_by), caller)
    answer = _answer(decided, caller.services, 202)
    stored = await api.requests.store(New.of(decided, (left.version, right.version), user, once, answer))
    return answer.response() if stored else None


async def _agree(
    api: Context, user: User, wanted: ConnectionRequest, pending: UUID, once: Once | None
) -> Response:
    """Asking for what the other side has asked for already is agreeing to it."""

    async def agree(connection: database.Connection) -> Answer:
        def approve(seen: Seen, caller: Caller) -> Decided:
            admission.require_same_wish(wanted, seen.connection)
            return decisions.approve(seen.connection, caller, seen.connection.terms)

        return await _act(connection, user, pending, None, _decided(approve), status=202)

    return await idempotency.once(api.database, once, agree)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for something to be done to which connection.

    Args:
        if_match: the version that it must still have, as an entity tag; None for any.
        key: the Idempotency-Key.
    """

    api: Context
    user: User
    connection_id: UUID
    if_match: str | None = None
    key: str | None = None


async def approve(asked: Asked, approval: Approval) -> Response:
    """Agree to the connection's terms."""
    return await _once(
        asked,
        "approve",
        approval,
        _decided(lambda seen, caller: decisions.approve(seen.connection, caller, approval.terms)),
    )


async def refuse(asked: Asked, refusal: Refusal) -> Response:
    """Say no to the connection's terms."""
    return await _once(
        asked,
        "refuse",
        refusal,
        _decided(lambda seen, caller: decisions.refuse(seen.connection, caller, refusal.reason)),
        status=200,
    )


async def delete(asked: Asked) -> Response:
    """Ask for the connection to be taken down."""
    return await _once(
        asked, "delete", None, _decided(lambda seen, caller: decisions.delete(seen.connection, caller))
    )


async def retry(asked: Asked, wanted: Retry) -> Response:
    """Ask again for the connection, with its networks as they are now."""

    async def decide(connection: database.Connection, seen: Seen, caller: Caller) -> Decided:
        left, right = await _ends(connection, seen.connection)
        return decisions.retry(seen.connection, caller, (left.resource, right.resource), wanted.desired_state)

    return await _once(asked, "retry", wanted, decide)


async def change(asked: Asked, wanted: ConnectionChange) -> Response:
    """Want the connection otherwise, with its networks as they are now."""

    async def decide(connection: database.Connection, seen: Seen, caller: Caller) -> Decided:
        left, right = await _ends(connection, seen.connection)
        fields = changes.differing(seen.connection, wanted, (left.l4filters, right.l4filters))
        return decisions.change(seen.connection, caller, (left.resource, right.resource), fields)

    return await _once(asked, "change", wanted, decide)


Decide = Callable[[database.Connection, Seen, Caller], Awaitable[Decided]]


def _decided(decide: Callable[[Seen, Caller], Decided]) -> Decide:
    """For what needs nothing beside the connection itself."""

    async def decision(_connection: database.Connection, seen: Seen, caller: Caller) -> Decided:
        return decide(seen, caller)

    return decision


async def _once(
    asked: Asked, verb: str, body: BaseModel | None, decide: Decide, *, status: int = 202
) -> Response:
    """Decide about a connection that exists, at most once for a key."""

    async def effect(connection: database.Connection) -> Answer:
        return await _act(connection, asked.user, asked.connection_id, asked.if_match, decide, status=status)

    once = Once.of(asked.user, asked.key, body, f"{verb} {asked.connection_id}")
    return await idempotency.once(asked.api.database, once, effect)


async def _ends(connection: database.Connection, of: Connection) -> tuple[Present, Present]:
    """Both resources of a connection as last discovered, each with its paths to the other alone.

    Raises:
        Problem: 409 when one is gone.
    """
    there = await store.resources(connection, (of.resource_left, of.resource_right))
    left, right = there.get(of.resource_left), there.get(of.resource_right)
    if left is None or right is None:
        raise conflict("resource-gone", "a resource of the connection is gone at its provider")
    return left.towards(right), right.towards(left)


async def _act(
    connection: database.Connection,
    user: User,
    connection_id: UUID,
    if_match: str | None,
    decide: Decide,
    *,
    status: int,
) -> Answer:
    """Lock the connection, decide, store what changed."""
    seen = await _find(connection, user, connection_id, lock=True)
    etags.require(if_match, seen.connection.version)
    decided = await decide(connection, seen, _caller(user, seen.owned))
    if decided.action:
        spans.follows(seen.connection)
        await store.save(connection, decided, user)
        _decisions.add(1, {"action": decided.action})
    return _answer(decided, seen.owned, status)


async def _find(
    connection: database.Connection, user: User, connection_id: UUID, *, lock: bool = False
) -> Seen:
    seen = await store.find(connection, user, connection_id, lock=lock)
    if seen is None:
        raise not_found("connection", connection_id)
    return seen


def _caller(user: User, services: frozenset[UUID]) -> Caller:
    return Caller(user.name, services, datetime.now(UTC), current_trace_id(), spans.traceparent())


def _answer(decided: Decided, owned: frozenset[UUID], status: int) -> Answer:
    connection = decided.connection
    spans.concerns(connection)
    return Answer.of(ConnectionView.of(connection, owned), status, f"/v1/connections/{connection.id}")
