"""The timeline of a connection as its reader may see it: by the same rule as he is told of events."""

from __future__ import annotations

from onenet_api.connections.model import Connection
from onenet_api.connections.store import Seen
from onenet_api.connections.views import TimelineItem, TimelineQuery
from onenet_api.events.disclosure import Parties, disclose
from onenet_api.events.facts import of_timeline
from onenet_api.pages import Listing, Page
from onenet_common import database


async def page(connection: database.Connection, seen: Seen, query: TimelineQuery) -> Page[TimelineItem]:
    """What happened to a connection, a page of it."""
    listing = Listing("SELECT t.* FROM timeline t", "t.id", {"time": "t.time"})
    listing.where("t.connection_id = ?", seen.connection.id)
    found, following = await listing.fetch(connection, query)
    parties = parties_of(seen.connection)
    told = [disclose(of_timeline(dict(one)), parties, seen.owned) for one in found]
    items = [TimelineItem.model_validate(one.model_dump()) for one in told if one is not None]
    return Page(items=items, next=following)


def parties_of(connection: Connection) -> Parties:
    """Who is told of a connection, and whose side both owners may see."""
    both = frozenset((connection.service_left, connection.service_right))
    given = frozenset(consent.service for consent in connection.given)
    return Parties(
        id=connection.id,
        name=connection.name,
        resource_left=connection.resource_left,
        resource_right=connection.resource_right,
        service_left=connection.service_left,
        service_right=connection.service_right,
        disclosed=both if connection.established_generation else given,
    )
