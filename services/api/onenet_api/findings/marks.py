"""Which events of findings their owners do not want to hear of, by how they have marked them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from onenet_api.events.audience import Concern
from onenet_api.events.facts import Fact
from onenet_api.findings.views import FindingState
from onenet_common.database import Connection

_READ = "SELECT finding, state, until, marked_at FROM finding_marks WHERE finding = ANY($1)"


@dataclass(frozen=True, slots=True)
class Mark:
    """Args:
    until: when a muting ends; None for never.
    """

    state: FindingState
    until: datetime | None
    marked_at: datetime

    def hushes(self, fact: Fact, now: datetime) -> bool:
        """Whether an event of the marked finding is no news.

        An acknowledgement is of what was there then: what opened after it is news, and so is its end.
        """
        if self.state is FindingState.MUTED:
            return self.until is None or self.until > now
        opened_at = fact.data.get("opened_at") or fact.data["at"]
        return self.marked_at >= datetime.fromisoformat(opened_at)


async def not_hushed(connection: Connection, concerns: Sequence[Concern]) -> list[Concern]:
    """All but the events of findings that were muted or acknowledged, as marked now."""
    findings = [one.fact.subject for one in concerns if one.fact.networks]
    rows = await connection.fetch(_READ, findings) if findings else []
    marked = {
        row["finding"]: Mark(FindingState(row["state"]), row["until"], row["marked_at"]) for row in rows
    }
    now = datetime.now(UTC)
    return [
        one
        for one in concerns
        if (mark := marked.get(one.fact.subject)) is None or not mark.hushes(one.fact, now)
    ]
