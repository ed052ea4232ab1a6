"""What users see of a connection's health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.health.disclosure import told
from onenet_common.connection import Side
from onenet_common.states import Health

NOBODY_LOOKED = "nothing has looked at it: it is not established, or was taken down"


class SourceView(BaseModel):
    """What one source says, such as the watchdog (`control-plane`), the provider or flow logs."""

    model_config = ConfigDict(title="HealthSource")

    source: str
    health: Health = Field(description="What it is held to say; UNKNOWN while it is silent.")
    since: datetime
    latest: Health = Field(description="Its latest sample, which alone may not count yet.")
    sampled_at: datetime
    age: float = Field(description="Seconds since the latest sample was taken.")
    reasons: tuple[str, ...]
    hidden_reasons: int = Field(description="How many more are for the other side's owner.")

    @classmethod
    def of(cls, name: str, kept: Mapping[str, Any], owned: frozenset[Side], now: datetime) -> SourceView:
        """The source as somebody sees it who owns these sides."""
        at, silent_at = (datetime.fromisoformat(kept[key]) for key in ("at", "silent_at"))
        reasons = told(kept["reasons"], kept["sides"], owned)
        silent = silent_at <= now
        return cls(
            source=name,
            health=Health.UNKNOWN if silent else kept["health"],
            since=silent_at if silent else kept["since"],
            latest=kept["recent"][-1],
            sampled_at=at,
            age=max(0.0, (now - at).total_seconds()),
            reasons=reasons,
            hidden_reasons=len(kept["reasons"]) - len(reasons),
        )


class MonthView(BaseModel):
    """How long a connection was what in one calendar month (UTC), or so far in this one.

    Only the time counts in which it was watched. DEGRADED counts as available.
    """

    model_config = ConfigDict(title="Availability")

    month: str = Field(description="Such as `2026-11`.")
    available_seconds: float
    degraded_seconds: float = Field(description="Part of the available ones.")
    down_seconds: float
    unknown_seconds: float
    ratio: float | None = Field(description="Available of available and down; null when neither is known.")

    @classmethod
    def of(cls, month: date, seconds: Mapping[str, Any]) -> MonthView:
        available, down = seconds["available_seconds"], seconds["down_seconds"]
        return cls(
            month=f"{month:%Y-%m}",
            available_seconds=available,
            degraded_seconds=seconds["degraded_seconds"],
            down_seconds=down,
            unknown_seconds=seconds["unknown_seconds"],
            ratio=available / (available + down) if available + down else None,
        )


class HealthView(BaseModel):
    """The verdict on a connection, what it follows from, and how long what was true.

    Who owns one side alone does not see reasons that tell of the other side's account.
    """

    model_config = ConfigDict(
        title="ConnectionHealth",
        json_schema_extra={
            "example": {
                "connection": "3f2a7a52-2f2e-5c0e-9d3b-0d6f6a3c1a11",
                "health": "DOWN",
                "since": "2026-11-25T02:41:00Z",
                "reasons": ["control-plane: DOWN since 2026-11-25T02:41:00Z"],
                "sources": [
                    {
                        "source": "control-plane",
                        "health": "DOWN",
                        "since": "2026-11-25T02:41:00Z",
                        "latest": "DOWN",
                        "sampled_at": "2026-11-25T02:43:01Z",
                        "age": 12.4,
                        "reasons": ["create_route rtb-1a2b 10.2.0.0/16: it is missing"],
                        "hidden_reasons": 0,
                    }
                ],
                "availability": [
                    {
                        "month": "2026-11",
                        "available_seconds": 2082900.0,
                        "degraded_seconds": 0.0,
                        "down_seconds": 120.0,
                        "unknown_seconds": 300.0,
                        "ratio": 0.9999423913,
                    }
                ],
            }
        },
    )

    connection: UUID
    health: Health
    since: datetime | None = Field(description="Null when nothing has looked at it.")
    reasons: tuple[str, ...] = Field(description="Which sources say so, and since when.")
    sources: tuple[SourceView, ...]
    availability: tuple[MonthView, ...] = Field(description="The latest month first, thirteen at most.")

    @classmethod
    def of(
        cls,
        connection_id: UUID,
        verdict: Mapping[str, Any] | None,
        months: Sequence[Mapping[str, Any]],
        owned: frozenset[Side],
    ) -> HealthView:
        """The health as somebody sees it who owns these sides.

        Args:
            verdict: the row of the monitor's view; None when there is no verdict.
        """
        availability = tuple(MonthView.of(month["month"], month) for month in months)
        if verdict is None:
            return cls(
                connection=connection_id,
                health=Health.UNKNOWN,
                since=None,
                reasons=(NOBODY_LOOKED,),
                sources=(),
                availability=availability,
            )
        kept: Mapping[str, Mapping[str, Any]] = verdict["sources"]
        return cls(
            connection=connection_id,
            health=verdict["health"],
            since=verdict["since"],
            reasons=tuple(verdict["reasons"]),
            sources=tuple(SourceView.of(name, kept[name], owned, verdict["now"]) for name in sorted(kept)),
            availability=availability,
        )
