"""What the rules know of paths and networks, from the events of connections and of the inventory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import ConnectionDeleted, ConnectionEvaluated, ResourceChanged, ResourceDiscovered

# An event that is older than what is known changes nothing.
_TERMS = """
INSERT INTO path_terms (connection_id, generation, name, l4filters, monthly_gb, encrypted, bandwidth_mbps,
    price_per_gb_usd, monthly_fixed_usd)
SELECT connection_id, generation, name, l4filters, monthly_gb, encrypted, bandwidth_mbps,
    price_per_gb_usd, monthly_fixed_usd
FROM jsonb_populate_recordset(NULL::path_terms, $1)
ON CONFLICT (connection_id) DO UPDATE SET
    generation = excluded.generation, name = excluded.name, l4filters = excluded.l4filters,
    monthly_gb = excluded.monthly_gb, encrypted = excluded.encrypted,
    bandwidth_mbps = excluded.bandwidth_mbps, price_per_gb_usd = excluded.price_per_gb_usd,
    monthly_fixed_usd = excluded.monthly_fixed_usd
WHERE excluded.generation >= path_terms.generation
"""
_NAMES = """
INSERT INTO network_names (resource_id, name) SELECT * FROM unnest($1::uuid[], $2::text[])
ON CONFLICT (resource_id) DO UPDATE SET name = excluded.name
"""
_FORGET = "DELETE FROM path_terms WHERE connection_id = ANY($1)"


async def learn(messages: Sequence[Message], connection: Connection) -> None:
    """Take in one batch, in the caller's transaction."""
    events = [message.event for message in messages]
    terms = {event.connection_id: _terms(event) for event in events if isinstance(event, ConnectionEvaluated)}
    names = {
        event.resource_id: event.resource.name
        for event in events
        if isinstance(event, ResourceDiscovered | ResourceChanged)
    }
    deleted = [event.connection_id for event in events if isinstance(event, ConnectionDeleted)]
    if terms:
        await connection.execute(_TERMS, json.dumps(list(terms.values())))
    if names:
        await connection.execute(_NAMES, list(names), list(names.values()))
    if deleted:
        await connection.execute(_FORGET, deleted)


def _terms(event: ConnectionEvaluated) -> dict[str, Any]:
    """A row of ``path_terms``; the winner is the first alternative."""
    chosen = event.alternatives[0] if event.alternatives else None
    return {
        "connection_id": str(event.connection_id),
        "generation": event.generation,
        "name": event.wish.name,
        "l4filters": to_jsonable_python(event.wish.l4filters),
        "monthly_gb": event.wish.requirements.monthly_gb,
        "encrypted": chosen.encrypted if chosen else None,
        "bandwidth_mbps": chosen.bandwidth_mbps if chosen else None,
        "price_per_gb_usd": chosen.price_per_gb_usd if chosen else None,
        "monthly_fixed_usd": chosen.monthly_fixed_usd if chosen else None,
    }
