"""What discovery found, projected into providers, resources and the connections on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from onenet_api.connections import decisions, model, timeline
from onenet_api.connections import store as connections
from onenet_api.connections.decisions import Decided
from onenet_api.connections.pairs import LIVE_PAIR
from onenet_api.connections.waiting import notify
from onenet_common.connection import Resource
from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import (
    Event,
    ProviderDiscovered,
    ProviderUnreachable,
    ResourceChanged,
    ResourceDiscovered,
    ResourceGone,
)

HANDLED: frozenset[str] = frozenset(
    event.type
    for event in (ProviderDiscovered, ProviderUnreachable, ResourceDiscovered, ResourceChanged, ResourceGone)
)

_BEFORE = (
    "SELECT id, subnets, state, discovered_at FROM resources WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"
)

# Of a provider that is removed already, nothing is stored. A mere repeat makes no new version.
_PRESENT = """
INSERT INTO resources AS r (id, service, provider, name, description, subnets, snapshot, discovered_at)
SELECT (n.snapshot ->> 'id')::uuid, p.service, p.id, n.snapshot ->> 'name', '',
    ARRAY(SELECT jsonb_array_elements_text(n.snapshot -> 'subnets')::cidr), n.snapshot, n.at
FROM jsonb_to_recordset($1) AS n (at timestamptz, snapshot jsonb)
JOIN providers p ON p.id = (n.snapshot ->> 'provider')::uuid
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, subnets = excluded.subnets, snapshot = excluded.snapshot,
    state = 'PRESENT', discovered_at = excluded.discovered_at,
    updated_at = CASE WHEN r.snapshot = excluded.snapshot AND r.state = 'PRESENT'
        THEN r.updated_at ELSE now() END,
    version = r.version + (r.snapshot <> excluded.snapshot OR r.state <> 'PRESENT')::int
WHERE r.provider = excluded.provider
"""
_GONE = """
UPDATE resources SET state = 'GONE', updated_at = now(), version = version + 1
WHERE id = ANY($1) AND state <> 'GONE'
"""
_STATUS = """
UPDATE providers AS p SET
    status = n.status, status_reason = n.reason, attempts = 0,
    discovered_at = coalesce(n.discovered_at, p.discovered_at),
    announced = coalesce(n.announced, p.announced),
    updated_at = CASE WHEN (p.status, p.status_reason) IS NOT DISTINCT FROM (n.status, n.reason)
        THEN p.updated_at ELSE now() END,
    version = p.version + ((p.status, p.status_reason) IS DISTINCT FROM (n.status, n.reason))::int
FROM jsonb_to_recordset($1)
    AS n (id uuid, status text, reason text, discovered_at timestamptz, announced jsonb)
WHERE p.id = n.id
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as its newest event has it; None when it is gone."""

    at: datetime
    resource: Resource | None


async def project(messages: Sequence[Message], connection: Connection) -> None:
    """Handle a batch of events of the inventory: the newest word on each thing counts."""
    events = [message.event for message in messages]
    if statuses := newest_statuses(events):
        await connection.execute(_STATUS, json.dumps(statuses, default=str))
    if found := newest_resources(events):
        await _store(connection, found)


def newest_resources(events: Sequence[Event]) -> dict[UUID, Found]:
    found: dict[UUID, Found] = {}
    for event in events:
        if isinstance(event, ResourceDiscovered | ResourceChanged):
            word = Found(event.at, event.resource)
        elif isinstance(event, ResourceGone):
            word = Found(event.at, None)
        else:
            continue
        if event.resource_id not in found or found[event.resource_id].at <= word.at:
            found[event.resource_id] = word
    return found


def newest_statuses(events: Sequence[Event]) -> list[dict[str, object]]:
    """One row per provider: whether OneNet got in, and what it lists."""
    statuses: dict[UUID, dict[str, object]] = {}
    for event in events:
        if isinstance(event, ProviderDiscovered):
            announced = sorted(str(resource) for resource in event.resources)
            status = {"status": "REACHABLE", "discovered_at": event.at, "announced": announced}
        elif isinstance(event, ProviderUnreachable):
            status = {"status": "UNREACHABLE", "reason": event.reason}
        else:
            continue
        statuses[event.provider_id] = {"id": event.provider_id, **status}
    return list(statuses.values())


async def _store(connection: Connection, found: Mapping[UUID, Found]) -> None:
    before = {row["id"]: row for row in await connection.fetch(_BEFORE, sorted(found))}
    news = {
        resource: word
        for resource, word in found.items()
        if resource not in before or before[resource]["discovered_at"] <= word.at
    }
    present = [
        {"at": word.at.isoformat(), "snapshot": word.resource.model_dump(mode="json")}
        for word in news.values()
        if word.resource is not None
    ]
    await connection.execute(_PRESENT, json.dumps(present))
    await connection.execute(_GONE, [resource for resource, word in news.items() if word.resource is None])
    affected = {
        resource: word
        for resource, word in news.items()
        if resource in before and _matters(before[resource]["state"], set(before[resource]["subnets"]), word)
    }
    if affected:
        await _tell_connections(connection, affected)


def _matters(state: str, subnets: set[object], word: Found) -> bool:
    """Whether connections on the resource are concerned by the news."""
    if word.resource is None:
        return state != "GONE"
    return state == "GONE" or subnets != set(word.resource.subnets)


async def _tell_connections(connection: Connection, affected: Mapping[UUID, Found]) -> None:
    live = await connections.locked(
        connection,
        f"(c.resource_left = ANY($1) OR c.resource_right = ANY($1)) AND {LIVE_PAIR}",
        list(affected),
    )
    decided = [_told(one, affected) for one in live.values()]
    changed = [one for one in decided if one.connection is not live[one.connection.id]]
    await connections.update(connection, [one.connection for one in changed])
    await timeline.publish(connection, [Message.of(event) for one in changed for event in one.events])
    await notify(connection, [one.connection.id for one in changed])


def _told(connection: model.Connection, affected: Mapping[UUID, Found]) -> Decided:
    """The connection after the news of either of its resources."""
    decided = Decided(connection)
    for side, peer in ((connection.left, connection.right), (connection.right, connection.left)):
        word = affected.get(side.id)
        if word is None:
            continue
        if word.resource is None:
            step = decisions.gone(decided.connection, side, word.at)
        else:
            returned = decisions.back(decided.connection, word.at).connection
            step = decisions.readdress(returned, model.towards(word.resource, peer), word.at)
        # Of two requests for approval, the second has the terms that count.
        decided = Decided(step.connection, step.events or decided.events)
    return decided
