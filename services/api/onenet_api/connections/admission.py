"""Whether a connection may be asked for, and what it would be: pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from onenet_api.connections import terms
from onenet_api.connections.decisions import Caller
from onenet_api.connections.model import Connection, towards
from onenet_api.connections.views import ConnectionRequest
from onenet_api.problems import conflict, not_found
from onenet_common.connection import L4Filter, Resource
from onenet_common.states import DesiredState, State


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A resource that was named in a request, with its service.

    Args:
        l4filters: those that its owner has set on it.
        owned: whether the caller owns it.
    """

    resource: Resource
    version: int
    present: bool
    l4filters: tuple[L4Filter, ...]
    service_name: str
    owned: bool


@dataclass(frozen=True, slots=True)
class Occupant:
    """The live connection of the same pair of resources, whoever is left or right."""

    id: UUID
    state: State
    needed_from: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that a request is judged by; None for what does not exist."""

    left: Endpoint | None
    right: Endpoint | None
    occupant: Occupant | None


def endpoints(request: ConnectionRequest, survey: Survey) -> tuple[Endpoint, Endpoint]:
    """Both sides, when the caller may connect them: he owns one, both exist and are there.

    Raises:
        Problem: 404 when he owns neither or one does not exist, 409 when one is gone.
    """
    left, right = survey.left, survey.right
    if left is None or not (left.owned or (right is not None and right.owned)):
        raise not_found("resource", request.resource_left)
    if right is None:
        raise not_found("resource", request.resource_right)
    for endpoint in (left, right):
        if not endpoint.present:
            name = endpoint.resource.name
            raise conflict("resource-gone", f"{name} is gone at its provider; nothing can be connected to it")
    return left, right


def services_of_caller(left: Endpoint, right: Endpoint) -> frozenset[UUID]:
    return frozenset(endpoint.resource.service for endpoint in (left, right) if endpoint.owned)


def awaiting_consent(
    request: ConnectionRequest, occupant: Occupant | None, services: frozenset[UUID]
) -> UUID | None:
    """The pair's live connection, when the request is the consent that it waits for.

    Args:
        services: those of the caller, among the pair's.

    Raises:
        Problem: 409 naming the live connection when it waits for nothing of the caller's.
    """
    if occupant is None or request.desired_state is DesiredState.PLANNED:
        return None
    if occupant.state is State.PENDING_APPROVAL and not services.isdisjoint(occupant.needed_from):
        return occupant.id
    raise conflict(
        "pair-connected",
        f"these two resources have a connection already: {occupant.id} is {occupant.state}",
        connection=str(occupant.id),
        state=occupant.state,
    )


def require_same_wish(request: ConnectionRequest, pending: Connection) -> None:
    """Check that a consent by request wants what is pending.

    Raises:
        Problem: 409 saying what differs.
    """
    if request.ctype is not None and request.ctype is not pending.requested_ctype:
        wanted = pending.requested_ctype or "any ctype"
        raise conflict(
            "other-ctype", f"{wanted} is asked for, not {request.ctype}", connection=str(pending.id)
        )
    if request.l4filters is None:
        return
    swapped = request.resource_left == pending.resource_right
    ours = terms.canonical(terms.mirrored(request.l4filters) if swapped else request.l4filters)
    theirs = terms.canonical(pending.l4filters)
    if ours != theirs:
        raise conflict(
            "other-l4filters",
            "the pending request has other l4filters; agree to those, or refuse it and ask anew",
            connection=str(pending.id),
            only_pending=sorted(theirs - ours),
            only_yours=sorted(ours - theirs),
        )


def draft(
    request: ConnectionRequest, left: Endpoint, right: Endpoint, caller: Caller, connected_by: UUID | None
) -> Connection:
    """The connection that is asked for, before anybody has agreed.

    Args:
        connected_by: the pair's live connection; a dry run may be asked for beside it.
    """
    if request.l4filters is None:
        l4filters = terms.union(left.l4filters, right.l4filters)
    else:
        l4filters = terms.union(request.l4filters)
    ours = towards(left.resource, right.resource)
    theirs = towards(right.resource, left.resource)
    return Connection(
        id=uuid4(),
        name=request.name or f"{ours.name} - {theirs.name}",
        resource_left=ours.id,
        resource_right=theirs.id,
        service_left=ours.service,
        service_right=theirs.service,
        left=ours,
        right=theirs,
        state=State.PENDING_APPROVAL,
        desired_state=request.desired_state,
        dry_run=request.desired_state is DesiredState.PLANNED,
        requested_ctype=request.ctype,
        adopt=request.adopt,
        l4filters=l4filters,
        requirements=request.requirements,
        connected_by=connected_by,
        terms=terms.digest(ours, theirs, l4filters),
        requested_by=caller.name,
        trace_id=caller.trace_id,
        traceparent=caller.traceparent,
        published_at=caller.at,
        created_at=caller.at,
        updated_at=caller.at,
        service_name_left=left.service_name,
        service_name_right=right.service_name,
    )
