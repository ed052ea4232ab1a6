"""Who is told by mail, and what waits to be told, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onenet_api.events.audience import Concern
from onenet_api.events.disclosure import EventView, disclose
from onenet_api.mail.digest import Line
from onenet_api.mail.preferences import Preferences
from onenet_api.tokens import User
from onenet_common.database import Connection

LARGEST_MAIL = 200
"""Events of one mail; the next one has the rest."""
PATIENCE_HOURS = 24
"""For how long a mail is tried."""

_READ = "SELECT address, preferences FROM mail_recipients WHERE name = $1"
_WRITE = """
INSERT INTO mail_recipients AS r (name, principals, address, preferences) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET principals = excluded.principals, address = excluded.address,
    preferences = excluded.preferences, updated_at = now()
"""
_RECIPIENTS = """
SELECT name, principals, preferences FROM mail_recipients WHERE principals && $1::text[] FOR KEY SHARE
"""
_INSERT = """
INSERT INTO mail_lines (recipient, event_id, time, about, kind, summary, due_at)
SELECT n.* FROM unnest(
    $1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]
) AS n (recipient, event_id, time, about, kind, summary, due_at)
"""
# $1 seconds of the lease; one recipient at a time, whom no other worker has.
_CLAIM = """
UPDATE mail_recipients AS r SET leased_until = now() + make_interval(secs => $1)
WHERE r.name = (
    SELECT o.name FROM mail_recipients o
    WHERE (o.leased_until IS NULL OR o.leased_until <= now())
        AND EXISTS (SELECT FROM mail_lines l WHERE l.recipient = o.name AND l.due_at <= now())
    LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING r.name, r.address, r.attempts
"""
_LINE = ("seq", "event_id", "time", "about", "kind", "summary")
_DUE = f"""
SELECT {", ".join(_LINE)} FROM mail_lines
WHERE recipient = $1 AND due_at <= now() ORDER BY seq LIMIT $2
"""


async def preferences(connection: Connection, name: str) -> tuple[str | None, Preferences]:
    """A person's address and choices; the defaults where there are none."""
    row = await connection.fetchrow(_READ, name)
    if row is None:
        return None, Preferences()
    return row["address"], Preferences.model_validate(row["preferences"])


async def choose(connection: Connection, user: User, address: str, chosen: Preferences) -> None:
    """Store what somebody wants, with the groups by which he owns services now."""
    await connection.execute(_WRITE, user.name, user.principals, address, chosen.model_dump(mode="json"))


async def enqueue(connection: Connection, concerns: Sequence[Concern]) -> int:
    """Note down what is to be told by mail, to whom and when; how many lines that is."""
    principals = sorted({owner for one in concerns for owners in one.owners.values() for owner in owners})
    recipients = await connection.fetch(_RECIPIENTS, principals) if principals else []
    now = datetime.now(UTC)
    rows = [
        row
        for recipient in recipients
        for concern in concerns
        if (row := line(concern, recipient["name"], set(recipient["principals"]),
                        Preferences.model_validate(recipient["preferences"]), now)) is not None
    ]  # fmt: skip
    if rows:
        await connection.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))
    return len(rows)


def line(
    concern: Concern, name: str, principals: set[str], chosen: Preferences, now: datetime
) -> tuple[Any, ...] | None:
    """A row of what waits; None when this person does not want the event, or may not have it."""
    owned = {service for service, owners in concern.owners.items() if not principals.isdisjoint(owners)}
    due = [when for one in owned if (when := chosen.of(one).due(concern.fact.type, now)) is not None]
    told = disclose(concern.fact, concern.parties, frozenset(owned))
    if not due or told is None:
        return None
    kind = told.type.removeprefix("onenet.").rpartition(".")[0]
    return (name, told.id, told.time, _about(told), kind, told.summary, min(due))


def _about(told: EventView) -> str:
    """A connection's name, a finding's kind; of all else the id."""
    if told.connection is not None:
        return told.connection.name
    return str(told.data["kind"] if told.services else told.subject)


@dataclass(frozen=True, slots=True)
class Due:
    """Args:
    attempts: in a row that came to nothing so far.
    """

    recipient: str
    address: str
    attempts: int
    lines: Sequence[Line]


async def claim(connection: Connection, *, lease: float) -> Due | None:
    """A mail that is due, for this worker alone until the lease ends, in seconds."""
    row = await connection.fetchrow(_CLAIM, lease)
    if row is None:
        return None
    due = await connection.fetch(_DUE, row["name"], LARGEST_MAIL)
    lines = [Line(*(one[name] for name in _LINE)) for one in due]
    return Due(row["name"], row["address"], row["attempts"], lines)


async def settle(connection: Connection, due: Due, *, again_in: float | None) -> int:
    """What is sent, or refused for good, is forgotten; else it is due again. How many were given up.

    Args:
        again_in: seconds until the next try; None when there is none.
    """
    seqs = [one.seq for one in due.lines]
    given_up = 0
    if again_in is None:
        await connection.execute("DELETE FROM mail_lines WHERE seq = ANY($1)", seqs)
    else:
        status = await connection.execute(
            "DELETE FROM mail_lines WHERE seq = ANY($1) AND due_at < now() - make_interval(hours => $2)",
            seqs,
            PATIENCE_HOURS,
        )
        given_up = int(status.split()[-1])
    await connection.execute(
        "UPDATE mail_recipients SET attempts = CASE WHEN $2 > 0 THEN attempts + 1 ELSE 0 END, "
        "leased_until = now() + make_interval(secs => $2) WHERE name = $1",
        due.recipient,
        again_in or 0.0,
    )
    return given_up
