"""What users do to connections: load, decide, store. One function per verb."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog
from fastapi import Response

from onenet_api import etags, idempotency
from onenet_api.answers import Answer
from onenet_api.connections import admission, decisions, store
from onenet_api.connections.decisions import Caller, Decided
from onenet_api.connections.model import towards
from onenet_api.connections.requests import New
from onenet_api.connections.store import Seen
from onenet_api.connections.views import ConnectionRequest, ConnectionView
from onenet_api.context import Context
from onenet_api.idempotency import Once
from onenet_api.problems import Problem, conflict, current_trace_id, not_found
from onenet_api.tokens import User
from onenet_common import database
from onenet_common.states import DesiredState
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

        return await _act(connection, user, pending, None, approve, status=202)

    return await idempotency.once(api.database, once, agree)


async def approve(
    api: Context, user: User, connection_id: UUID, terms: str, if_match: str | None
) -> Response:
    """Agree to the connection's terms."""
    async with api.database.transaction() as connection:
        answer = await _act(
            connection,
            user,
            connection_id,
            if_match,
            lambda seen, caller: decisions.approve(seen.connection, caller, terms),
            status=202,
        )
    return answer.response()


async def refuse(
    api: Context, user: User, connection_id: UUID, reason: str, if_match: str | None
) -> Response:
    """Say no to the connection's terms."""
    async with api.database.transaction() as connection:
        answer = await _act(
            connection,
            user,
            connection_id,
            if_match,
            lambda seen, caller: decisions.refuse(seen.connection, caller, reason),
        )
    return answer.response()


async def delete(api: Context, user: User, connection_id: UUID, if_match: str | None) -> Response:
    """Ask for the connection to be taken down."""
    async with api.database.transaction() as connection:
        answer = await _act(
            connection,
            user,
            connection_id,
            if_match,
            lambda seen, caller: decisions.delete(seen.connection, caller),
            status=202,
        )
    return answer.response()


async def retry(
    api: Context, user: User, connection_id: UUID, desired: DesiredState | None, if_match: str | None
) -> Response:
    """Ask again for the connection, with its networks as they are now."""
    async with api.database.transaction() as connection:
        seen = await _find(connection, user, connection_id)
        ends = (seen.connection.resource_left, seen.connection.resource_right)
        there = await store.resources(connection, ends)
        left, right = (there.get(resource) for resource in ends)
        if left is None or right is None:
            raise conflict("resource-gone", "a resource of the connection is gone at its provider")
        sides = (towards(left, right), towards(right, left))
        answer = await _act(
            connection,
            user,
            connection_id,
            if_match,
            lambda seen, caller: decisions.retry(seen.connection, caller, sides, desired),
            status=202,
        )
    return answer.response()


async def _act(
    connection: database.Connection,
    user: User,
    connection_id: UUID,
    if_match: str | None,
    decide: Callable[[Seen, Caller], Decided],
    *,
    status: int = 200,
) -> Answer:
    """Lock the connection, decide, store what changed."""
    seen = await _find(connection, user, connection_id, lock=True)
    etags.require(if_match, seen.connection.version)
    decided = decide(seen, _caller(user, seen.owned))
    if decided.action:
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
    return Caller(user.name, services, datetime.now(UTC), current_trace_id())


def _answer(decided: Decided, owned: frozenset[UUID], status: int) -> Answer:
    connection = decided.connection
    return Answer.of(ConnectionView.of(connection, owned), status, f"/v1/connections/{connection.id}")
