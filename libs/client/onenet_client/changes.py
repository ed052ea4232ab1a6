"""What has to change so that a document comes true. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from onenet_client import filters
from onenet_client.errors import Differs
from onenet_client.manifest import ConnectionDocument, Document, ProviderDocument, ServiceDocument
from onenet_client.models import Connection, Me, Provider, Service
from onenet_common.states import LIVE, DesiredState, State


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """One document against what stands.

    Args:
        id: of what stands; None while there is nothing.
        version: of what stands, so that nobody else's change is overwritten.
        fields: what differs, with the values wanted.
    """

    document: Document
    action: Action
    id: UUID | None = None
    version: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def for_service(document: ServiceDocument, standing: Service | None, me: Me) -> Change:
    if standing is None:
        return Change(document, Action.CREATED, fields=_said(document, "description", "owners"))
    fields: dict[str, Any] = {}
    if document.description is not None and document.description != (standing.description or ""):
        fields["description"] = document.description
    if document.owners is not None:
        owners = with_caller(document.owners, me)
        if set(owners) != set(standing.owners):
            fields["owners"] = owners
    return _update(document, standing, fields)


def for_provider(document: ProviderDocument, standing: Provider | None) -> Change:
    """The change of a provider.

    Raises:
        Differs: it stands in another account or region, which nothing can change.
    """
    if standing is None:
        return Change(
            document, Action.CREATED, fields=_said(document, "provider_type", "account", "region", "role_arn")
        )
    for name in ("provider_type", "account", "region"):
        wanted, there = getattr(document, name), getattr(standing, name)
        if wanted != there:
            raise Differs(
                f"provider {document.name} has {name} {there}, which cannot become {wanted}; "
                "give the other one its own name, or delete this one first"
            )
    moved = document.role_arn is not None and document.role_arn != standing.role_arn
    return _update(document, standing, {"role_arn": document.role_arn} if moved else {})


def for_connection(
    document: ConnectionDocument, left: UUID, standing: Connection | None, mine: Collection[UUID]
) -> Change:
    """The change of a connection.

    Args:
        left: the document's left resource.
        standing: the one that occupies the pair, if there is one.
        mine: the caller's services, for which asking for a pending connection is the consent.

    Raises:
        Differs: it stands with other filters, requirements or ctype, or is being deleted.
    """
    if standing is None:
        return Change(document, Action.CREATED)
    if standing.state == State.DELETING:
        raise Differs(f"connection {standing.id} of this pair is being deleted; apply again once it is gone")
    _check_same(document, standing, turned=standing.resource_left != left)
    waits = standing.state == State.PENDING_APPROVAL and standing.consent is not None
    if waits and standing.consent and set(standing.consent.missing()) & set(mine):
        return Change(document, Action.UPDATED, standing.id, standing.version, {"consent": "given"})
    return Change(document, Action.UNCHANGED, standing.id, standing.version)


def occupies(connection: Connection, document: ConnectionDocument) -> bool:
    """Whether a connection of the same pair is what the document is about."""
    dry = connection.desired_state == DesiredState.PLANNED
    wants_dry = document.desired_state == DesiredState.PLANNED
    return dry == wants_dry and connection.state in LIVE | {State.PLANNED}


def with_caller(owners: Collection[str], me: Me) -> list[str]:
    """The owners as the API has them: nobody locks himself out."""
    names = {me.user, *(f"group:{group}" for group in me.groups)}
    return list(owners) if names & set(owners) else [*owners, me.user]


def _check_same(document: ConnectionDocument, standing: Connection, *, turned: bool) -> None:
    rules = [filters.flip(rule) if turned else rule for rule in document.l4filters or ()]
    there = {*map(filters.show, standing.l4filters)}
    wishes = document.requirements.model_dump(mode="json") if document.requirements is not None else {}
    same = {
        "l4filters": document.l4filters is None or {*map(filters.show, rules)} == there,
        "ctype": document.ctype in (None, standing.requested_ctype, standing.ctype),
        "requirements": wishes.items() <= (standing.requirements or {}).items(),
    }
    differing = ", ".join(name for name, equal in same.items() if not equal)
    if differing:
        raise Differs(
            f"connection {standing.id} of this pair ({standing.state}) has other {differing}; "
            f"change it with: onenet change {standing.id}, delete it first, or make the manifest agree"
        )


def _update(document: Document, standing: Service | Provider, fields: dict[str, Any]) -> Change:
    action = Action.UPDATED if fields else Action.UNCHANGED
    return Change(document, action, standing.id, standing.version, fields)


def _said(document: Document, *names: str) -> dict[str, Any]:
    return document.model_dump(mode="json", include=set(names), exclude_none=True)
