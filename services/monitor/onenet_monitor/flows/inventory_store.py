"""Networks and links in PostgreSQL, with the times in which they were as they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from ipaddress import ip_interface
from uuid import UUID

import asyncpg
import structlog

from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import ConnectionEvent, ResourceEvent
from onenet_common.housekeeping import Retention
from onenet_monitor.flows.inventory import Link, LinkEnds, Network, link_after, network_after

log = structlog.get_logger(__name__)

PAST = (
    Retention("networks", "valid_until", 30, only="valid_until IS NOT NULL"),
    Retention("links", "valid_until", 30, only="valid_until IS NOT NULL"),
    Retention("link_ends", "moved_at", 30, only="since IS NULL"),
)
"""What was is needed as long as records of it may come, which a topic keeps for a day."""

_NETWORK = "resource_id, valid_from, valid_until, provider, account, native_id, subnets, public_addresses"
_LINK = "connection_id, valid_from, valid_until, resource_left, resource_right, ctype"
_ENDS = "connection_id, generation, resource_left, resource_right, since, ctype"

_NEWEST = f"""
SELECT DISTINCT ON (resource_id) {_NETWORK} FROM networks WHERE resource_id = ANY($1)
ORDER BY resource_id, valid_from DESC
"""
_KEEP_NETWORK = f"""
INSERT INTO networks ({_NETWORK}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (resource_id, valid_from) DO UPDATE SET valid_until = excluded.valid_until,
    provider = excluded.provider, account = excluded.account, native_id = excluded.native_id,
    subnets = excluded.subnets, public_addresses = excluded.public_addresses
"""
_KEEP_LINK = f"""
INSERT INTO links ({_LINK}) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (connection_id, valid_from) DO UPDATE SET valid_until = excluded.valid_until
"""
_KEEP_ENDS = f"""
INSERT INTO link_ends ({_ENDS}) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (connection_id) DO UPDATE SET generation = excluded.generation,
    resource_left = excluded.resource_left, resource_right = excluded.resource_right,
    since = excluded.since, ctype = excluded.ctype, moved_at = now()
"""
_RAISE_VERSION = """
INSERT INTO inventory_version (one, version) VALUES (true, 1)
ON CONFLICT (one) DO UPDATE SET version = inventory_version.version + 1
"""


async def follow(messages: Sequence[Message], connection: Connection) -> None:
    """Handle a batch of events of resources and connections, in the caller's transaction."""
    networks = await _follow_networks(messages, connection)
    links = await _follow_links(messages, connection)
    if networks or links:
        await connection.execute(_RAISE_VERSION)


async def version(connection: Connection) -> int:
    """A number that is another one after each change; 0 before the first."""
    return int(await connection.fetchval("SELECT coalesce(max(version), 0) FROM inventory_version"))


async def networks(connection: Connection) -> list[Network]:
    """All that is known, the past too."""
    return [_network(row) for row in await connection.fetch(f"SELECT {_NETWORK} FROM networks")]


async def links(connection: Connection) -> list[Link]:
    """All that is known, the past too."""
    rows = await connection.fetch(f"SELECT {_LINK} FROM links")
    return [Link(*row) for row in rows]


async def _follow_networks(messages: Sequence[Message], connection: Connection) -> bool:
    events = [message.event for message in messages if isinstance(message.event, ResourceEvent)]
    newest = await _newest(connection, {event.resource_id for event in events})
    changed = []
    for event in events:
        states = network_after(newest.get(event.resource_id), event)
        changed += states
        newest |= {state.resource_id: state for state in states}
    await connection.executemany(
        _KEEP_NETWORK,
        [(*astuple(one)[:-2], list(one.subnets), list(one.public_addresses)) for one in changed],
    )
    return bool(changed)


async def _follow_links(messages: Sequence[Message], connection: Connection) -> bool:
    about = [message for message in messages if isinstance(message.event, ConnectionEvent)]
    before = await _ends(connection, {UUID(message.event.key) for message in about})
    known, changed = dict(before), []
    for message in about:
        one = UUID(message.event.key)
        ends, link = link_after(known.get(one), message)
        if ends is None:
            log.warning("link.unknown", connection_id=str(one), type=message.event.type)
            continue
        known[one] = ends
        changed += [link] if link is not None else []
    await _keep_ends(connection, [ends for one, ends in known.items() if ends != before.get(one)])
    await connection.executemany(
        _KEEP_LINK,
        [astuple(one) for one in changed],
    )
    return bool(changed)


async def _newest(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Network]:
    return {row["resource_id"]: _network(row) for row in await connection.fetch(_NEWEST, sorted(ids))}


async def _ends(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, LinkEnds]:
    rows = await connection.fetch(
        f"SELECT {_ENDS} FROM link_ends WHERE connection_id = ANY($1) ORDER BY connection_id FOR UPDATE",
        sorted(ids),
    )
    return {row["connection_id"]: LinkEnds(*row) for row in rows}


async def _keep_ends(connection: Connection, changed: Iterable[LinkEnds]) -> None:
    await connection.executemany(
        _KEEP_ENDS,
        [astuple(one) for one in changed],
    )


def _network(row: asyncpg.Record) -> Network:
    addresses = (ip_interface(one).ip for one in row["public_addresses"])
    return Network(**{**row, "subnets": tuple(row["subnets"]), "public_addresses": tuple(addresses)})
