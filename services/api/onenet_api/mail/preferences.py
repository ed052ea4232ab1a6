"""What a person wants to be told by mail, and when. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from onenet_api.events.views import EventTypes

MORNING = 7
"""The hour, UTC, at which daily digests are due."""


class When(StrEnum):
    IMMEDIATELY = "immediately"
    HOURLY = "hourly"
    DAILY = "daily"
    OFF = "off"


class Choice(BaseModel):
    """When to be told, and of what."""

    model_config = ConfigDict(extra="forbid")

    when: When = When.OFF
    types: EventTypes = Field(default=[], description="Of these events; all when empty.")

    def due(self, event_type: str, at: datetime) -> datetime | None:
        """When a mail with an event of ``at`` is due; None when it is not wanted."""
        if self.when is When.OFF or (self.types and event_type not in self.types):
            return None
        hour = at.replace(minute=0, second=0, microsecond=0)
        if self.when is When.HOURLY:
            return hour + timedelta(hours=1)
        if self.when is When.DAILY:
            morning = hour.replace(hour=MORNING)
            return morning if at < morning else morning + timedelta(days=1)
        return at


Overrides = Annotated[dict[UUID, Choice], Field(max_length=100)]


class Preferences(BaseModel):
    """For all services that somebody owns, and otherwise for single ones."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"everything": {"when": "daily"}, "services": {}}},
    )

    everything: Choice = Choice()
    services: Overrides = {}

    def of(self, service: UUID) -> Choice:
        return self.services.get(service, self.everything)
