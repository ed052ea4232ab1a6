"""Who may be told what: the one rule for streams, webhooks, mail and the timeline. Pure.

- Of a provider or a resource: the owners of its service, everything. Nobody else learns of it, the
  other side of a connection neither.
- Of a finding: the owners of every network that it is about, everything, as ``GET /v1/findings`` has it.
- Of a connection: the owners of either side, and nobody else.
- Its addresses, accounts and all that may contain them (alternatives, plans, details, reasons of
  providers): to those who see both sides, as ``GET /v1/connections/{id}`` has it. One sees one's own
  side, and the other once it has agreed or the connection was established.
- What else is in the other side's account: never, by the rule of ``connections/disclosure.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.connections import timeline
from onenet_api.connections.disclosure import Sight
from onenet_api.events.facts import Fact
from onenet_common.connection import Alternative, Side, Step
from onenet_common.states import Health, State

HARMLESS = frozenset(
    {
        "ctype",
        "stands",
        "code",
        "services",
        "approved_by",
        "refused_by",
        "health",
        "previous",
        "at",
        "reverted",
        "adopted",
    }
)
"""Fields of a connection's event in which no address and no account can stand."""
WRITTEN_BY_PEOPLE = "onenet.connection.refused.v1"
"""Its reason is what one owner says to the other."""
STEPS = frozenset({"steps", "differences"})
QUOTING = STEPS | {"details", "reason", "reasons", "alternatives"}
"""Fields that may name what is in an account."""
TOLD = "told"
"""Who may read what of the reasons; nobody is shown the field itself."""
_CONNECTIONS = {kind.type: kind for kind in timeline.SUMMARIES}


@dataclass(frozen=True, slots=True)
class Parties:
    """A connection, as far as it matters for who is told what.

    Args:
        disclosed: the services whose side is shown to both owners.
    """

    id: UUID
    name: str
    resource_left: UUID
    resource_right: UUID
    service_left: UUID
    service_right: UUID
    disclosed: frozenset[UUID] = frozenset()

    @property
    def services(self) -> frozenset[UUID]:
        return frozenset((self.service_left, self.service_right))

    def sight(self, owned: frozenset[UUID]) -> Sight:
        """What an owner of these services sees of it."""
        services = {Side.LEFT: self.service_left, Side.RIGHT: self.service_right}
        return Sight(frozenset(side for side, service in services.items() if service in owned))


class ConnectionNamed(BaseModel):
    """Which connection it is."""

    id: UUID
    name: str
    resource_left: UUID
    resource_right: UUID
    service_left: UUID
    service_right: UUID


class EventView(BaseModel):
    """One event, as far as its reader may see it."""

    model_config = ConfigDict(title="Event")

    id: UUID
    type: str = Field(examples=["onenet.connection.established.v1"])
    time: datetime
    subject: UUID = Field(
        description="The connection, provider, resource, webhook or finding that it is about."
    )
    summary: str
    actor: str
    source: str
    trace_id: str
    connection: ConnectionNamed | None
    service: UUID | None = Field(description="Whose provider or resource; null for connections and findings.")
    services: list[UUID] = Field(
        default=[], description="Whose networks a finding is about; empty for all else."
    )
    generation: int | None
    state: State | None = Field(description="That this event brings a connection into; null for none.")
    health: Health | None
    data: dict[str, Any] = Field(
        description="The event's own fields, but for what only the other side may see."
    )


def disclose(fact: Fact, parties: Parties | None, owned: frozenset[UUID]) -> EventView | None:
    """The event as an owner of these services may see it; None when it does not exist for him.

    Args:
        parties: of the connection that the event is about; None for what is no connection.
        owned: the services that the reader owns, or that he is told in the name of.
    """
    if parties is None:
        told = not owned.isdisjoint(fact.services)
        return _view(fact, None, fact.summary, dict(fact.data)) if told else None
    if owned.isdisjoint(parties.services):
        return None
    sight = parties.sight(owned)
    agreed = (owned | parties.disclosed).issuperset(parties.services)
    # What a later release has written may quote an account wherever it likes.
    if agreed and (sight.whole or fact.type in _CONNECTIONS):
        return _view(fact, parties, *_seen_from(fact, sight))
    shown = HARMLESS | ({"reason"} if fact.type == WRITTEN_BY_PEOPLE else set())
    data = {name: value for name, value in fact.data.items() if name in shown}
    untold = fact.data.keys() - data.keys()
    return _view(fact, parties, fact.type.split(".")[2].replace("_", " ") if untold else fact.summary, data)


def _view(fact: Fact, parties: Parties | None, summary: str, data: dict[str, Any]) -> EventView:
    return EventView.model_construct(
        id=fact.id,
        type=fact.type,
        time=fact.time,
        subject=fact.subject,
        summary=summary,
        actor=fact.actor,
        source=fact.source,
        trace_id=fact.trace_id,
        connection=_named(parties) if parties is not None else None,
        service=None if fact.networks else next(iter(fact.services), None),
        services=sorted(fact.services) if fact.networks else [],
        generation=fact.generation,
        state=fact.state,
        health=fact.health,
        data=data,
    )


def _named(parties: Parties) -> ConnectionNamed:
    return ConnectionNamed.model_construct(
        **{name: getattr(parties, name) for name in ConnectionNamed.model_fields}
    )


def _seen_from(fact: Fact, sight: Sight) -> tuple[str, dict[str, Any]]:
    """The summary and the fields of a connection's event, without what is the other side's alone."""
    shown = {name: value for name, value in fact.data.items() if name != TOLD}
    if sight.whole:
        return fact.summary, shown | _evaluation(shown, sight)
    told = fact.data.get(TOLD)
    for name in STEPS & shown.keys():
        shown[name] = sight.steps(map(Step.model_validate, shown[name]))
    if "details" in shown:
        shown["details"] = sight.details(shown["details"])
    if "reason" in shown and fact.type != WRITTEN_BY_PEOPLE:
        shown["reason"] = sight.reason(shown["reason"], told or {})
    if "reasons" in shown and told is not None:
        shown["reasons"] = sight.reasons(tuple(shown["reasons"]), told)
    if shown.keys().isdisjoint(QUOTING):
        return fact.summary, shown
    summary = timeline.summary(_CONNECTIONS[fact.type], shown)
    for name in STEPS & shown.keys():
        shown[name] = [step.model_dump(mode="json") for step in shown[name]]
    return summary, shown | _evaluation(shown, sight)


def _evaluation(shown: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    if "alternatives" not in shown:
        return {}
    seen = sight.evaluation(map(Alternative.model_validate, shown["alternatives"]))
    return {"alternatives": [one.model_dump(mode="json") for one in seen]}
