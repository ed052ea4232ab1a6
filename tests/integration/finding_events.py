"""Events of findings, as the monitor publishes them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from onenet_common.events import FindingClosed, FindingOpened

SUMMARY = "telnet (tcp/23) from vpc-1 to vpc-2 is in the clear"


def opened(finding: UUID, *resources: str, at: datetime | None = None) -> FindingOpened:
    return FindingOpened(
        finding_id=finding,
        kind="cleartext",
        severity="warning",
        summary=SUMMARY,
        remedy="encrypt it",
        resources=tuple(map(UUID, resources)),
        evidence={"bytes": 777},
        at=at or datetime.now(UTC),
    )


def closed(before: FindingOpened) -> FindingClosed:
    return FindingClosed(
        finding_id=before.finding_id,
        kind=before.kind,
        summary=before.summary,
        resources=before.resources,
        at=datetime.now(UTC),
        opened_at=before.at,
    )
