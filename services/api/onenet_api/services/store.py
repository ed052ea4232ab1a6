"""Services in PostgreSQL."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg

from onenet_api.pages import Listing, Page
from onenet_api.problems import conflict
from onenet_api.services.views import ServiceQuery, ServiceRequest, ServiceView
from onenet_api.tokens import User
from onenet_common.database import Connection

_SELECT = """
SELECT s.*,
    ARRAY(SELECT p.id FROM providers p WHERE p.service = s.id ORDER BY p.created_at, p.id) AS providers,
    ARRAY(SELECT r.id FROM resources r WHERE r.service = s.id ORDER BY r.name, r.id) AS resources
FROM services s
"""
_FIND = f"{_SELECT} WHERE s.id = $1 AND ($2::text[] IS NULL OR s.owners && $2)"
_FIND_AND_LOCK = f"{_FIND} FOR UPDATE OF s"
_SORTABLE = {"name": "s.name", "created_at": "s.created_at", "updated_at": "s.updated_at"}


async def create(connection: Connection, request: ServiceRequest, owners: list[str]) -> ServiceView:
    [row] = await connection.fetch(
        "INSERT INTO services (id, name, description, owners) VALUES ($1, $2, $3, $4) RETURNING *",
        uuid4(),
        request.name,
        request.description,
        owners,
    )
    return ServiceView.model_validate({**row, "providers": [], "resources": []})


async def page(connection: Connection, user: User, query: ServiceQuery) -> Page[ServiceView]:
    listing = Listing(_SELECT, "s.id", _SORTABLE)
    listing.where("(?::text[] IS NULL OR s.owners && ?)", user.scope)
    if query.name is not None:
        listing.where("s.name = ?", query.name)
    rows, following = await listing.fetch(connection, query)
    return Page(items=[_view(row) for row in rows], next=following)


async def find(
    connection: Connection, user: User, service: UUID, *, lock: bool = False
) -> ServiceView | None:
    """The service, when it exists and the user owns it.

    Args:
        lock: nobody else changes it until the transaction ends.
    """
    row = await connection.fetchrow(_FIND_AND_LOCK if lock else _FIND, service, user.scope)
    return _view(row) if row else None


async def change(connection: Connection, service: ServiceView) -> ServiceView:
    """Store what users may change of a service that is locked."""
    [row] = await connection.fetch(
        "UPDATE services SET name = $2, description = $3, owners = $4, updated_at = now(), "
        "version = version + 1 WHERE id = $1 RETURNING updated_at, version",
        service.id,
        service.name,
        service.description,
        service.owners,
    )
    return service.model_copy(update=dict(row))


async def delete(connection: Connection, service: UUID) -> None:
    """Delete a service.

    Raises:
        Problem: 409 while it has providers.
    """
    try:
        await connection.execute("DELETE FROM services WHERE id = $1", service)
    except asyncpg.ForeignKeyViolationError:
        raise conflict("service-in-use", "the service still has providers; delete them first") from None


def _view(row: asyncpg.Record) -> ServiceView:
    return ServiceView.model_validate(dict(row))
