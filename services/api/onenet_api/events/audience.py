"""Whom events concern: the parties of their connections and the owners of their services, as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from onenet_api.events.disclosure import EventView, Parties, disclose
from onenet_api.events.facts import Fact
from onenet_api.tokens import User
from onenet_common.database import Connection

_PARTIES = """
SELECT c.id, c.name, c.resource_left, c.resource_right, c.service_left, c.service_right,
    c.established_generation > 0 AS established,
    ARRAY(SELECT (consent ->> 'service')::uuid FROM jsonb_array_elements(c.given) AS consent) AS given
FROM connections c WHERE c.id = ANY($1)
"""
_SERVICES = """
SELECT id, service FROM providers WHERE id = ANY($1)
UNION ALL SELECT id, service FROM resources WHERE id = ANY($1)
"""
_OWNERS = "SELECT id, owners FROM services WHERE id = ANY($1)"

Owners = Mapping[UUID, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Concern:
    """An event and whom it concerns.

    Args:
        owners: of each service concerned; of one that is deleted there are none.
    """

    fact: Fact
    parties: Parties | None
    owners: Owners

    def told_to(self, user: User) -> EventView | None:
        """The event as the user may see it now; None when it does not exist for him."""
        owned = frozenset(service for service, owners in self.owners.items() if user.owns(tuple(owners)))
        return disclose(self.fact, self.parties, owned)

    def told_for(self, service: UUID) -> EventView | None:
        """The event as the owners of one service may see it."""
        return disclose(self.fact, self.parties, frozenset({service}))


async def concerns(connection: Connection, facts: Sequence[Fact]) -> list[Concern]:
    """Look up whom events concern, in their order; what concerns nobody is left out.

    Three statements, however many events.
    """
    parties = await _parties(connection, [fact.subject for fact in facts if fact.of_connection])
    others = await _with_services(connection, [fact for fact in facts if not fact.of_connection])
    wanted = {service for one in parties.values() for service in one.services}
    wanted |= {service for fact in others.values() for service in fact.services}
    rows = await connection.fetch(_OWNERS, list(wanted))
    owners: Owners = {row["id"]: row["owners"] for row in rows}
    found = []
    for fact in facts:
        if not fact.of_connection:
            known = others[fact.id]
            found.append(Concern(known, None, _of(owners, known.services)))
        elif (known_parties := parties.get(fact.subject)) is not None:
            found.append(Concern(fact, known_parties, _of(owners, known_parties.services)))
    return [one for one in found if one.owners]


async def _parties(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Parties]:
    rows = await connection.fetch(_PARTIES, ids) if ids else []
    return {row["id"]: parties_of(row) for row in rows}


def parties_of(row: asyncpg.Record) -> Parties:
    both = frozenset((row["service_left"], row["service_right"]))
    return Parties(
        id=row["id"],
        name=row["name"],
        resource_left=row["resource_left"],
        resource_right=row["resource_right"],
        service_left=row["service_left"],
        service_right=row["service_right"],
        disclosed=both if row["established"] else frozenset(row["given"]),
    )


async def _with_services(connection: Connection, facts: Sequence[Fact]) -> dict[UUID, Fact]:
    """Events of the inventory and findings by their ids, with the services that they do not name."""
    unknown = [fact for fact in facts if not fact.services]
    ids = [one for fact in unknown for one in _places(fact)]
    rows = await connection.fetch(_SERVICES, ids) if ids else []
    services: dict[UUID, UUID] = {row["id"]: row["service"] for row in rows}
    completed = {fact.id: fact for fact in facts}
    for fact in unknown:
        found = [services[one] for one in _places(fact) if one in services]
        completed[fact.id] = replace(fact, services=frozenset(found if fact.networks else found[:1]))
    return completed


def _places(fact: Fact) -> tuple[UUID, ...]:
    """Resources and providers whose services an event concerns, the nearest first."""
    return fact.networks or tuple(one for one in (fact.subject, fact.provider) if one is not None)


def _of(owners: Owners, services: frozenset[UUID]) -> Owners:
    return {service: owners[service] for service in services if service in owners}
