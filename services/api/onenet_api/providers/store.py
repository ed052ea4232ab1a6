"""Providers in PostgreSQL."""

from __future__ import annotations

import secrets
from uuid import UUID, uuid4

import asyncpg

from onenet_api.connections.pairs import LIVE_PAIR
from onenet_api.pages import Listing, Page
from onenet_api.problems import conflict
from onenet_api.providers.policies import permissions_policy, trust_policy
from onenet_api.providers.views import ProviderQuery, ProviderRequest, ProviderView
from onenet_api.tokens import User
from onenet_common.database import Connection

_SELECT = "SELECT p.* FROM providers p JOIN services s ON s.id = p.service"
_FIND = f"{_SELECT} WHERE p.id = $1 AND ($2::text[] IS NULL OR s.owners && $2)"
_FIND_AND_LOCK = f"{_FIND} FOR UPDATE OF p"
_USED_BY = f"""
SELECT id FROM connections WHERE (resource_left = ANY($1) OR resource_right = ANY($1)) AND {LIVE_PAIR}
LIMIT 1
"""
_SORTABLE = {"name": "p.name", "created_at": "p.created_at", "updated_at": "p.updated_at"}


async def create(connection: Connection, request: ProviderRequest, hub_account: str) -> ProviderView:
    """Store a new provider with an external id of its own."""
    [row] = await connection.fetch(
        "INSERT INTO providers (id, service, name, provider_type, account, region, role_arn, external_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
        uuid4(),
        request.service,
        request.name,
        request.provider_type,
        request.account,
        request.region,
        request.role_arn or f"arn:aws:iam::{request.account}:role/OneNet",
        secrets.token_urlsafe(24),
    )
    return _view(row, hub_account)


async def page(
    connection: Connection, user: User, query: ProviderQuery, hub_account: str
) -> Page[ProviderView]:
    listing = Listing(_SELECT, "p.id", _SORTABLE)
    listing.where("(?::text[] IS NULL OR s.owners && ?)", user.scope)
    if query.service is not None:
        listing.where("p.service = ?", query.service)
    rows, following = await listing.fetch(connection, query)
    return Page(items=[_view(row, hub_account) for row in rows], next=following)


async def find(
    connection: Connection, user: User, provider: UUID, hub_account: str, *, lock: bool = False
) -> ProviderView | None:
    """The provider, when it exists and the user owns it.

    Args:
        lock: nobody else changes it until the transaction ends.
    """
    row = await connection.fetchrow(_FIND_AND_LOCK if lock else _FIND, provider, user.scope)
    return _view(row, hub_account) if row else None


async def change(connection: Connection, provider: ProviderView, hub_account: str) -> ProviderView:
    """Store what users may change of a provider that is locked; whether it works is open again."""
    [row] = await connection.fetch(
        "UPDATE providers SET name = $2, role_arn = $3, status = 'PENDING', status_reason = NULL, "
        "asked_at = now(), attempts = 0, updated_at = now(), version = version + 1 "
        "WHERE id = $1 RETURNING *",
        provider.id,
        provider.name,
        provider.role_arn,
    )
    return _view(row, hub_account)


async def delete(connection: Connection, provider: UUID) -> None:
    """Delete a provider and its resources.

    Raises:
        Problem: 409 while a live connection uses one of them.
    """
    # Locked against connections that are being requested: those take a share of each resource.
    locked = await connection.fetch("SELECT id FROM resources WHERE provider = $1 FOR UPDATE", provider)
    used_by = await connection.fetchval(_USED_BY, [row["id"] for row in locked])
    if used_by is not None:
        raise conflict(
            "provider-in-use",
            f"connection {used_by} uses a resource of this provider; delete it first",
            connection=used_by,
        )
    await connection.execute("DELETE FROM providers WHERE id = $1", provider)


def _view(row: asyncpg.Record, hub_account: str) -> ProviderView:
    return ProviderView.model_validate(
        {
            **row,
            "trust_policy": trust_policy(hub_account, row["external_id"]),
            "permissions_policy": permissions_policy(row["account"], row["region"]),
        }
    )
