"""What may be done to a connection, and what follows: pure, from values to values.

Each function takes a connection as it is and answers with what it becomes and what is to be
published. States move by the common table of transitions alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from onenet_api.connections import terms
from onenet_api.connections.model import (
    Connection,
    Consent,
    Flag,
    because,
    with_flag,
    without_flags,
)
from onenet_api.problems import Problem, conflict
from onenet_common.connection import Resource, Side
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionApproved,
    ConnectionDeletionRequested,
    ConnectionEvent,
    ConnectionRefused,
    ConnectionRequested,
)
from onenet_common.states import DesiredState, State, after

_AT_REST = frozenset({State.PLANNED, State.ESTABLISHED, State.REJECTED, State.FAILED})
"""States from which a wish is handed on anew."""

RENEWED = ("change_failed", "resource_changed", "consent_outdated", "consent_refused", "drifted")
"""Flags that a new wish makes pointless."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a connection becomes.

    Args:
        events: to be published in the transaction that stores the connection.
        action, detail: for the audit log.
    """

    connection: Connection
    events: tuple[ConnectionEvent, ...] = ()
    action: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who acts on a connection.

    Args:
        services: those of the connection's services that he owns; never empty.
        trace_id: the trace of his request.
        traceparent: the span of his request, for links.
    """

    name: str
    services: frozenset[UUID]
    at: datetime
    trace_id: str = ""
    traceparent: str = ""


def begin(connection: Connection, caller: Caller) -> Decided:
    """A new connection: the caller agrees for the sides that he owns, others are asked."""
    asked = _consented(connection.but(state=State.PENDING_APPROVAL), caller)
    action = "connection.request"
    if asked.needed_from:
        return Decided(asked, (_approval_requested(asked),), action)
    requested = _moved(asked, "requested")
    return Decided(requested, (_requested(requested),), action)


def approve(connection: Connection, caller: Caller, agreed: str) -> Decided:
    """Agree to the terms; the last consent hands the wish on. Agreeing twice changes nothing.

    Raises:
        Problem: 409 when nothing is awaited from the caller, or other terms are current.
    """
    if _has_given(connection, caller):
        # While the other side has not agreed, nobody may find out the terms, and so its addresses, by trying.
        if agreed == connection.terms or _missing(connection, connection.given):
            return Decided(connection)
        raise _other_terms(connection)
    _require_awaited(connection, caller)
    if agreed != connection.terms:
        raise _other_terms(connection)
    approved = _moved(_consented(connection, caller), "approved", caller.at)
    event = ConnectionApproved(
        connection_id=connection.id,
        generation=connection.generation,
        ctype=connection.known_ctype,
        terms=agreed,
        approved_by=caller.name,
    )
    decided = Decided(approved, (event,), "connection.approve", {"terms": agreed})
    return decided if approved.needed_from else _hand_on(decided, renewed=approved.state is State.ESTABLISHED)


def refuse(connection: Connection, caller: Caller, reason: str) -> Decided:
    """Say no; an established connection stays as it is, with the refusal as a flag.

    Raises:
        Problem: 409 when nothing is awaited from the caller.
    """
    _require_awaited(connection, caller)
    refused = _moved(connection, "refused", caller.at)
    words = f"{caller.name} refused: {reason}"
    if refused.state is State.ESTABLISHED:
        flag = Flag(code="consent_refused", message=words, at=caller.at)
        refused = refused.but(flags=with_flag(refused.flags, flag))
    else:
        refused = refused.but(**because(words))
    event = ConnectionRefused(
        connection_id=connection.id,
        generation=connection.generation,
        ctype=connection.known_ctype,
        reason=reason,
        refused_by=caller.name,
    )
    return Decided(refused, (event,), "connection.refuse", {"reason": reason})


def retry(
    connection: Connection,
    caller: Caller,
    sides: tuple[Resource, Resource],
    desired: DesiredState | None,
) -> Decided:
    """Ask again, with the networks as they are now.

    Consents stand when the terms are the same, and are asked for again when they are not.

    Args:
        sides: the resources as last discovered, left and right.
        desired: None leaves what is desired as it is.

    Raises:
        Problem: 409 when the connection is under way, leaving, or gone.
    """
    if connection.state not in _AT_REST:
        raise conflict(
            "not-retryable",
            f"the connection is {connection.state}; retry what is FAILED, REJECTED, PLANNED or ESTABLISHED",
        )
    if connection.state is State.ESTABLISHED and desired is DesiredState.PLANNED:
        raise conflict("established", "the connection is ESTABLISHED; ask for a dry run as a new connection")
    wanted = desired or connection.desired_state
    renewed = connection.but(desired_state=wanted, dry_run=wanted is DesiredState.PLANNED)
    return _renew(renewed, caller, sides, "connection.retry", {"desired_state": wanted})


def change(
    connection: Connection,
    caller: Caller,
    sides: tuple[Resource, Resource],
    fields: Mapping[str, Any],
) -> Decided:
    """Want it otherwise, with the networks as they are now; who changes it agrees to it.

    Consents stand when addresses and filters are the same, and are asked for again when they are
    not. What is established stays as it is until the change is agreed and built. A name alone is
    changed at once and begins no generation. No fields change nothing.

    Args:
        sides: the resources as last discovered, left and right.
        fields: of the connection, those that get another value.

    Raises:
        Problem: 409 when the connection is under way, leaving, or gone.
    """
    if not fields:
        return Decided(connection)
    if connection.state not in _AT_REST | {State.PENDING_APPROVAL}:
        raise conflict(
            "not-changeable",
            f"the connection is {connection.state}; change what is PENDING_APPROVAL, ESTABLISHED, PLANNED, "
            "FAILED or REJECTED",
        )
    changed = connection.but(**fields)
    detail = changed.model_dump(mode="json", include=set(fields))
    if set(fields) == {"name"}:
        renamed = changed.but(version=connection.version + 1, updated_at=caller.at)
        return Decided(renamed, (), "connection.change", detail)
    return _renew(changed, caller, sides, "connection.change", detail)


def delete(connection: Connection, caller: Caller) -> Decided:
    """Take it down; what is DELETING already is left to go on.

    Raises:
        Problem: 409 when it is deleted already.
    """
    if connection.state is State.DELETED:
        raise conflict("deleted", "the connection is deleted already")
    if connection.state is State.DELETING:
        return Decided(connection)
    leaving = _moved(connection, "deletion_requested", caller.at).but(
        desired_state=DesiredState.DELETED,
        generation=connection.generation + 1,
        needed_from=(),
        trace_id=caller.trace_id,
        traceparent=caller.traceparent,
    )
    return Decided(leaving, (deletion_of(leaving),), "connection.delete")


def deletion_of(leaving: Connection) -> ConnectionDeletionRequested:
    """The event that has it taken down."""
    return ConnectionDeletionRequested(
        connection_id=leaving.id,
        generation=leaving.generation,
        wish=leaving.wish,
        ctype=None if leaving.dry_run else leaving.ctype,
    )


def readdress(connection: Connection, resource: Resource, at: datetime) -> Decided:
    """A network of the connection has other addresses than before.

    Its owner has agreed by changing it. The other side's is asked anew: always while a consent
    is awaited, and of an established connection unless one person had agreed for both sides.
    What is under way is carried out as it was agreed, with a flag.
    """
    side = connection.side_of(resource.id)
    if set(connection.side(side).subnets) == set(resource.subnets):
        return Decided(connection)
    ranges = ", ".join(str(subnet) for subnet in resource.subnets)
    message = f"{resource.name} has {ranges} now"
    # The other side sees the addresses where it sees those of this side, and asks for nothing by a flag.
    told = {side: message, side.other: f"{resource.name} has other addresses now"}
    flag = Flag(code="resource_changed", message=message, at=at, told=told)
    flagged = _flagged(connection, flag)
    outdated = connection.state is State.ESTABLISHED and not _one_person(connection)
    if not outdated and connection.state is not State.PENDING_APPROVAL:
        return Decided(flagged)
    sides = (resource, connection.right) if side is Side.LEFT else (connection.left, resource)
    asked = _with_sides(flagged, *sides)
    if outdated:
        asked = _outdated(asked, agreed_to_old=connection.side(side.other).service, at=at)
    return Decided(asked, (_approval_requested(asked),))


def gone(connection: Connection, resource: Resource, at: datetime) -> Decided:
    """A network of the connection is not there any more."""
    message = f"{resource.name} is gone at its provider"
    flag = Flag(code="resource_gone", message=message, at=at)
    return Decided(_flagged(connection, flag))


def back(connection: Connection, at: datetime) -> Decided:
    """A network that was gone is there again."""
    flags = without_flags(connection.flags, "resource_gone")
    if flags == connection.flags:
        return Decided(connection)
    return Decided(connection.but(flags=flags, version=connection.version + 1, updated_at=at))


def _outdated(connection: Connection, *, agreed_to_old: UUID, at: datetime) -> Connection:
    message = "the addresses are not those that were agreed; the other side is asked again"
    given = tuple(consent for consent in connection.given if consent.service != agreed_to_old)
    flag = Flag(code="consent_outdated", message=message, at=at)
    return connection.but(
        given=given,
        needed_from=_missing(connection, given),
        flags=with_flag(connection.flags, flag),
    )


def _flagged(connection: Connection, flag: Flag) -> Connection:
    return connection.but(
        flags=with_flag(connection.flags, flag),
        version=connection.version + 1,
        updated_at=max(flag.at, connection.updated_at),
    )


def _renew(
    wanted: Connection,
    caller: Caller,
    sides: tuple[Resource, Resource],
    action: str,
    detail: dict[str, Any],
) -> Decided:
    """Hand on what is wanted now, or ask those who have not agreed to its terms.

    Args:
        wanted: with the terms and consents from before.
    """
    renewed = _with_sides(wanted, *sides).but(trace_id=caller.trace_id, traceparent=caller.traceparent)
    if not renewed.dry_run:
        renewed = renewed.but(connected_by=None)  # no other of the pair can be live beside it
    if renewed.terms != wanted.terms:
        renewed = renewed.but(given=())
    decided = Decided(_consented(renewed, caller), (), action, detail)
    if decided.connection.needed_from:
        return _ask(decided, caller.at)
    return _hand_on(decided, renewed=True, at=caller.at)


def _ask(decided: Decided, at: datetime) -> Decided:
    """Ask for consent; a new generation begins unless an established one is being watched."""
    connection = decided.connection
    watched = connection.state is State.ESTABLISHED
    asked = _moved(connection, "approval_requested", at).but(
        generation=connection.generation + (0 if watched else 1), **because()
    )
    return Decided(asked, (_approval_requested(asked),), decided.action, decided.detail)


def _hand_on(decided: Decided, *, renewed: bool, at: datetime | None = None) -> Decided:
    """Publish the wish; ``renewed`` when an earlier one was handed on already."""
    connection = decided.connection
    requested = _moved(connection, "requested", at).but(
        generation=connection.generation + (1 if renewed else 0),
        flags=without_flags(connection.flags, *RENEWED),
        **because(),
        evaluation=(),
        plan=(),
        refused_paths=(),
        attempts=0,
        published_at=at or connection.updated_at,
    )
    return Decided(requested, (*decided.events, _requested(requested)), decided.action, decided.detail)


def _moved(connection: Connection, happening: str, at: datetime | None = None) -> Connection:
    """The connection in its next state, and with ``at`` its next version.

    Raises:
        Problem: 409 when the table of transitions does not allow it.
    """
    state = after(connection.state, happening)
    if state is None:
        raise conflict("wrong-state", f"the connection is {connection.state}; this is not possible now")
    if at is None:
        return connection.but(state=state)
    return connection.but(state=state, updated_at=at, published_at=at, version=connection.version + 1)


def _consented(connection: Connection, caller: Caller) -> Connection:
    """With the caller's consent for the sides that he owns, where it was missing."""
    already = {consent.service for consent in connection.given}
    fresh = [
        Consent(service=service, by=caller.name, at=caller.at)
        for service in connection.services
        if service in caller.services and service not in already
    ]
    given = (*connection.given, *fresh)
    return connection.but(given=given, needed_from=_missing(connection, given))


def _missing(connection: Connection, given: Sequence[Consent]) -> tuple[UUID, ...]:
    agreed = {consent.service for consent in given}
    return tuple(service for service in connection.services if service not in agreed)


def _has_given(connection: Connection, caller: Caller) -> bool:
    return caller.services.isdisjoint(connection.needed_from)


def _require_awaited(connection: Connection, caller: Caller) -> None:
    waiting = connection.state in (State.PENDING_APPROVAL, State.ESTABLISHED)
    if not waiting or _has_given(connection, caller):
        raise conflict("nothing-awaited", "no consent of yours is awaited for this connection")


def _other_terms(connection: Connection) -> Problem:
    return conflict(
        "terms-changed",
        "these are not the terms any more; look at the addresses and filters again",
        terms=connection.terms,
    )


def _one_person(connection: Connection) -> bool:
    """Whether some one person agreed for every side."""
    by_service = [{c.by for c in connection.given if c.service == service} for service in connection.services]
    return bool(set.intersection(*by_service))


def _with_sides(connection: Connection, left: Resource, right: Resource) -> Connection:
    return connection.but(left=left, right=right, terms=terms.digest(left, right, connection.l4filters))


def _approval_requested(connection: Connection) -> ConnectionApprovalRequested:
    return ConnectionApprovalRequested(
        connection_id=connection.id,
        generation=connection.generation,
        wish=connection.wish,
        terms=connection.terms,
        services=connection.needed_from,
    )


def _requested(connection: Connection) -> ConnectionRequested:
    return ConnectionRequested(
        connection_id=connection.id, generation=connection.generation, wish=connection.wish
    )
