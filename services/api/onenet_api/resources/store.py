"""Resources in PostgreSQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from onenet_api.pages import Listing, Page
from onenet_api.resources.views import ResourceQuery, ResourceView
from onenet_api.tokens import User
from onenet_common.connection import L4Filter
from onenet_common.database import Connection

_SELECT = "SELECT r.* FROM resources r JOIN services s ON s.id = r.service"
_FIND = f"{_SELECT} WHERE r.id = $1 AND ($2::text[] IS NULL OR s.owners && $2)"
_FIND_AND_LOCK = f"{_FIND} FOR UPDATE OF r"
_FILTERS = TypeAdapter(list[L4Filter])


async def page(connection: Connection, user: User, query: ResourceQuery) -> Page[ResourceView]:
    listing = Listing(_SELECT, "r.id", {"name": "r.name", "updated_at": "r.updated_at"})
    listing.where("(?::text[] IS NULL OR s.owners && ?)", user.scope)
    if query.service is not None:
        listing.where("r.service = ?", query.service)
    if query.provider is not None:
        listing.where("r.provider = ?", query.provider)
    if query.state is not None:
        listing.where("r.state = ?", query.state)
    if query.contains is not None:
        listing.where("EXISTS (SELECT FROM unnest(r.subnets) AS b WHERE b >>= ?::text::inet)", query.contains)
    rows, following = await listing.fetch(connection, query)
    return Page(items=[_view(row) for row in rows], next=following)


async def find(
    connection: Connection, user: User, resource: UUID, *, lock: bool = False
) -> ResourceView | None:
    """The resource, when it exists and the user owns it.

    Args:
        lock: nobody else changes it until the transaction ends.
    """
    row = await connection.fetchrow(_FIND_AND_LOCK if lock else _FIND, resource, user.scope)
    return _view(row) if row else None


async def change(connection: Connection, resource: ResourceView) -> ResourceView:
    """Store what users may change of a resource that is locked."""
    [row] = await connection.fetch(
        "UPDATE resources SET description = $2, l4filters = $3, updated_at = now(), version = version + 1 "
        "WHERE id = $1 RETURNING *",
        resource.id,
        resource.description,
        _FILTERS.dump_python(resource.l4filters, mode="json"),
    )
    return _view(row)


def _view(row: asyncpg.Record) -> ResourceView:
    fields: dict[str, Any] = {**row["snapshot"], **row}
    return ResourceView.model_validate(fields)
