"""Findings from the monitor's view, with the marks that their owners have set."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from onenet_api.findings.views import FindingQuery, FindingState, FindingView
from onenet_api.monitored import reading
from onenet_api.pages import Listing, Page
from onenet_api.tokens import User
from onenet_common.database import Connection

# An acknowledgement is of what is there now: what opens again later is news.
_SELECT = """
SELECT f.* FROM (
    SELECT k.id, k.kind, k.severity, k.summary, k.remedy, k.resources, k.connection, k.evidence,
        (
            SELECT coalesce(
                jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'owners', s.owners) ORDER BY s.name),
                '[]'
            )
            FROM services s
            WHERE s.id IN (SELECT r.service FROM resources r WHERE r.id = ANY(k.resources))
        ) AS services,
        k.opened_at, k.confirmed_at, k.closed_at,
        m.marked_by, m.marked_at, m.until AS muted_until, coalesce(m.note, '') AS note,
        CASE WHEN k.closed_at IS NOT NULL THEN 'CLOSED' ELSE coalesce(m.state, 'OPEN') END AS state
    FROM monitor.known_findings k LEFT JOIN finding_marks m ON m.finding = k.id AND CASE m.state
        WHEN 'MUTED' THEN m.until IS NULL OR m.until > now()
        ELSE m.marked_at >= k.opened_at END
) f
"""
_OWNED = (
    "f.resources && ARRAY(SELECT r.id FROM resources r JOIN services s ON s.id = r.service WHERE {which})"
)
_MARK = """
INSERT INTO finding_marks (finding, state, until, note, marked_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (finding) DO UPDATE SET state = excluded.state, until = excluded.until, note = excluded.note,
    marked_by = excluded.marked_by, marked_at = now()
"""
_SERVICES = "SELECT DISTINCT service FROM resources WHERE id = ANY($1)"


async def page(connection: Connection, user: User, query: FindingQuery) -> Page[FindingView]:
    listing = _visible(user)
    listing.where("f.state = ANY(?::text[])", [state.value for state in query.state or FindingState])
    if query.kind is not None:
        listing.where("f.kind = ?", query.kind)
    if query.service is not None:
        listing.where(_OWNED.format(which="s.id = ?"), query.service)
    if query.connection is not None:
        listing.where("f.connection = ?", query.connection)
    with reading():
        rows, following = await listing.fetch(connection, query)
    return Page(items=[_view(row) for row in rows], next=following)


async def find(connection: Connection, user: User, finding: UUID) -> FindingView | None:
    """The finding, when it is about a network of the user's."""
    listing = _visible(user)
    listing.where("f.id = ?", finding)
    query = FindingQuery(limit=1)
    with reading():
        rows, _ = await listing.fetch(connection, query)
    return _view(rows[0]) if rows else None


async def mark(
    connection: Connection, user: User, finding: UUID, state: FindingState, note: str, until: datetime | None
) -> None:
    await connection.execute(_MARK, finding, state.value, until, note, user.name)


async def unmark(connection: Connection, finding: UUID) -> None:
    await connection.execute("DELETE FROM finding_marks WHERE finding = $1", finding)


async def services(connection: Connection, finding: FindingView) -> list[UUID]:
    """The services whose networks it is about."""
    return [row["service"] for row in await connection.fetch(_SERVICES, finding.resources)]


def _visible(user: User) -> Listing:
    listing = Listing(_SELECT, "f.id", {"opened_at": "f.opened_at"})
    if user.scope is not None:
        listing.where(_OWNED.format(which="s.owners && ?::text[]"), user.scope)
    return listing


def _view(row: asyncpg.Record) -> FindingView:
    return FindingView.model_validate(dict(row))
