"""What the monitor can be told; its process for flows is told the same."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from onenet_common.settings import Settings
from onenet_monitor import cleartext


def _named(name: str) -> str:
    return f"ONENET_MONITOR_{name}"


class MonitorSettings(Settings):
    """How long traffic is kept, and how flow logs are taken in.

    Args:
        flow_minutes_days: sums by the minute; a record that is older when it comes is refused.
        flow_hours_days, flow_days_days: sums by the hour and by the day.
        flow_dependencies_days: since a dependency was seen last.
        flow_batch_bytes: of flow logs that are read at once, inflated, up to three of which are committed
            together; memory grows by several times this.
        flow_patience: seconds that flow logs may wait for more to be committed with, after half as many at
            the broker for more to be fetched with, where ``kafka_fetch_wait`` is not longer.
        flow_rollup_interval: seconds between two rounds that make hours and days from minutes.
        inspection_interval: seconds between two looks at the traffic for findings.
        cleartext: protocols that are findings on a path without encryption, such as ``tcp/80=http``.
    """

    flow_minutes_days: int = Field(default=7, ge=2, le=366, validation_alias=_named("FLOW_MINUTES_DAYS"))
    flow_hours_days: int = Field(default=90, ge=2, le=3660, validation_alias=_named("FLOW_HOURS_DAYS"))
    flow_days_days: int = Field(default=400, ge=2, le=36500, validation_alias=_named("FLOW_DAYS_DAYS"))
    flow_dependencies_days: int = Field(
        default=400, ge=1, le=36500, validation_alias=_named("FLOW_DEPENDENCIES_DAYS")
    )
    flow_batch_bytes: int = Field(
        default=16_000_000, ge=1, le=256_000_000, validation_alias=_named("FLOW_BATCH_BYTES")
    )
    flow_patience: float = Field(default=1.0, ge=0.0, le=60.0, validation_alias=_named("FLOW_PATIENCE"))
    flow_rollup_interval: float = Field(
        default=60.0, ge=1.0, le=3600.0, validation_alias=_named("FLOW_ROLLUP_INTERVAL")
    )
    inspection_interval: float = Field(
        default=300.0, ge=1.0, le=86_400.0, validation_alias=_named("INSPECTION_INTERVAL")
    )
    cleartext: str = Field(default=cleartext.DEFAULT, validation_alias=_named("CLEARTEXT"))

    @field_validator("cleartext")
    @classmethod
    def _readable(cls, text: str) -> str:
        cleartext.parse(text)
        return text

    @model_validator(mode="after")
    def _coarser_is_longer(self) -> Self:
        """Coarse sums are made from finer ones again when something comes late, so they must be there."""
        if not self.flow_minutes_days < self.flow_hours_days <= self.flow_days_days:
            raise ValueError(
                "ONENET_MONITOR_FLOW_MINUTES_DAYS must be below ONENET_MONITOR_FLOW_HOURS_DAYS, and that not "
                f"above ONENET_MONITOR_FLOW_DAYS_DAYS; they are {self.flow_minutes_days}, "
                f"{self.flow_hours_days} and {self.flow_days_days}"
            )
        return self
