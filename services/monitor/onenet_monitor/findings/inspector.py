"""Looks at the traffic now and then, and opens, confirms and closes findings."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import structlog

from onenet_common import outbox
from onenet_common.background import Background
from onenet_common.database import Connection, Database
from onenet_common.envelope import Message
from onenet_common.events import Event, FindingClosed, FindingOpened
from onenet_common.housekeeping import Retention
from onenet_common.telemetry import meter
from onenet_monitor.cleartext import Protocols
from onenet_monitor.findings.finding import Finding, Kind
from onenet_monitor.findings.lifecycle import Changes, changes
from onenet_monitor.findings.looking import look
from onenet_monitor.findings.rules import findings

log = structlog.get_logger(__name__)
_changed = meter.create_counter("onenet.findings.changed", description="Findings opened and closed, by kind")

CLOSED_FINDINGS = Retention("findings", "closed_at", 400, only="closed_at IS NOT NULL")

_OPEN = "SELECT id, kind, summary, resources, connection, opened_at FROM findings WHERE closed_at IS NULL"
_KEEP = """
INSERT INTO findings (id, kind, severity, summary, remedy, resources, connection, evidence, opened_at,
    confirmed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (id) DO UPDATE SET
    severity = excluded.severity, summary = excluded.summary, remedy = excluded.remedy,
    resources = excluded.resources, connection = excluded.connection, evidence = excluded.evidence,
    confirmed_at = excluded.confirmed_at, closed_at = NULL,
    opened_at = CASE WHEN findings.closed_at IS NULL THEN findings.opened_at ELSE excluded.opened_at END
"""
_CLOSE = "UPDATE findings SET closed_at = $2 WHERE id = ANY($1)"


class Inspector:
    """Of several replicas one looks at a time; what two see after each other is the same.

    Args:
        interval: seconds between two looks.
        protocols: what counts as being in the clear.
    """

    def __init__(self, database: Database, protocols: Protocols, *, interval: float) -> None:
        self._database = database
        self._protocols = protocols
        self._inspecting = Background("inspect traffic", self.inspect, interval=interval, longest_pause=60.0)

    async def start(self) -> None:
        for kind in Kind:
            for change in ("opened", "closed"):
                _changed.add(0, {"kind": kind.value, "change": change})
        self._inspecting.start()

    async def stop(self) -> None:
        await self._inspecting.stop(grace=2)

    async def inspect(self) -> None:
        """Look once."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('inspect traffic'))"):
                return
            now = datetime.now(UTC)
            picture = await look(connection, now)
            found = {one.id: one for one in findings(picture, self._protocols)}
            known = {row["id"]: row for row in await connection.fetch(_OPEN)}
            what = changes(known, found)
            await _keep(connection, what, now)
            closed = [
                FindingClosed(
                    finding_id=id_,
                    kind=known[id_]["kind"],
                    summary=known[id_]["summary"],
                    resources=tuple(known[id_]["resources"]),
                    connection_id=known[id_]["connection"],
                    opened_at=known[id_]["opened_at"],
                    at=now,
                )
                for id_ in what.closed
            ]
            events: list[Event] = [*(_opened(one, now) for one in what.opened), *closed]
            await outbox.publish(connection, [Message.of(event) for event in events])
        _count(what, closed)


async def _keep(connection: Connection, what: Changes, now: datetime) -> None:
    await connection.executemany(
        _KEEP,
        [
            (
                one.id,
                one.kind.value,
                one.severity.value,
                one.summary,
                one.remedy,
                list(one.resources),
                one.connection,
                json.loads(json.dumps(one.evidence)),
                now,
            )
            for one in (*what.opened, *what.confirmed)
        ],
    )
    await connection.execute(_CLOSE, list(what.closed), now)


def _opened(finding: Finding, now: datetime) -> FindingOpened:
    return FindingOpened(
        finding_id=finding.id,
        kind=finding.kind.value,
        severity=finding.severity.value,
        summary=finding.summary,
        remedy=finding.remedy,
        resources=finding.resources,
        connection_id=finding.connection,
        evidence=finding.evidence,
        at=now,
    )


def _count(what: Changes, closed: list[FindingClosed]) -> None:
    for one in what.opened:
        _changed.add(1, {"kind": one.kind.value, "change": "opened"})
    for gone in closed:
        _changed.add(1, {"kind": gone.kind, "change": "closed"})
    if what.opened or closed:
        log.info("findings.changed", opened=len(what.opened), closed=len(closed))
