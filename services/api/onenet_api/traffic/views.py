"""A connection's traffic as users see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.pages import Moment


class StepOfTime(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LENGTH = {
    StepOfTime.MINUTE: timedelta(minutes=1),
    StepOfTime.HOUR: timedelta(hours=1),
    StepOfTime.DAY: timedelta(days=1),
}
DEFAULT_STEPS = {StepOfTime.MINUTE: 60, StepOfTime.HOUR: 24, StepOfTime.DAY: 30}
MOST_STEPS = 1500
"""Of one answer: a day of minutes, two months of hours."""


class TrafficQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    step: StepOfTime = StepOfTime.HOUR
    since: Moment | None = Field(
        default=None, description="By default an hour of minutes, a day of hours or 30 days ago."
    )
    until: Moment | None = Field(default=None, description="By default now.")


class Amount(BaseModel):
    bytes: int = 0
    packets: int = 0
    flows: int = 0


class TrafficPoint(BaseModel):
    """One step of time. `refused` is what a filter on the way did not let through, either way."""

    since: datetime
    left_to_right: Amount
    right_to_left: Amount
    refused: Amount


class TrafficByPort(BaseModel):
    """Traffic of one service, by the port that it is known by; both directions together.

    `port` is 0 when neither end has a port that a service is known by.
    """

    protocol: int = Field(description="As IANA numbers them: 6 is TCP, 17 is UDP, 1 is ICMP.")
    port: int
    refused: bool
    bytes: int
    packets: int
    flows: int


class TrafficView(BaseModel):
    """Traffic by steps of time; a step without any is left out.

    Flow logs come late, by ten minutes at AWS, and the newest steps grow until they are in.
    """

    model_config = ConfigDict(
        title="Traffic",
        json_schema_extra={
            "example": {
                "connection": "0b7c2f64-91c3-5b7f-8f5e-6a1d1c0b2c22",
                "step": "hour",
                "since": "2026-11-24T10:00:00Z",
                "until": "2026-11-25T10:00:00Z",
                "last_seen": "2026-11-25T09:58:00Z",
                "points": [
                    {
                        "since": "2026-11-25T09:00:00Z",
                        "left_to_right": {"bytes": 52000, "packets": 400, "flows": 12},
                        "right_to_left": {"bytes": 910000, "packets": 800, "flows": 12},
                        "refused": {"bytes": 0, "packets": 0, "flows": 0},
                    }
                ],
                "ports": [
                    {
                        "protocol": 6,
                        "port": 443,
                        "refused": False,
                        "bytes": 962000,
                        "packets": 1200,
                        "flows": 24,
                    }
                ],
            }
        },
    )

    connection: UUID
    step: StepOfTime
    since: datetime
    until: datetime
    last_seen: datetime | None = Field(description="The last minute with traffic, whenever that was.")
    points: list[TrafficPoint]
    ports: list[TrafficByPort] = Field(description="The busiest 50, over the whole time asked for.")


class BusiestQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(default=15, ge=1, le=1440, description="How far back.")
    limit: int = Field(default=20, ge=1, le=200)


class BusyConnection(BaseModel):
    """What a connection carried in that time; `refused` is what was not let through."""

    connection: UUID
    name: str
    state: str
    health: str
    left: str
    right: str
    left_to_right: Amount
    right_to_left: Amount
    refused: Amount


class BusiestView(BaseModel):
    model_config = ConfigDict(title="BusiestConnections")

    since: datetime
    until: datetime
    items: list[BusyConnection]
