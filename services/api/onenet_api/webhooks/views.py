"""What users send and see of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onenet_api.events.views import EventTypes
from onenet_api.pages import Moment, PageQuery
from onenet_api.webhooks.targets import LONGEST
from onenet_common.connection import Text

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[\x21-\x7e]+$"),
    Field(description="`https://…`, at a public address.", examples=["https://example.com/onenet"]),
]
_TYPES = "Of these events; all when empty. `connection.established` will do."


class WebhookRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"url": "https://example.com/onenet", "types": ["connection.established"]}
        },
    )

    url: Url
    description: Text = ""
    types: EventTypes = Field(default=[], description=_TYPES)


class WebhookChange(BaseModel):
    """What is left out, or null, stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"enabled": True}})

    url: Url | None = None
    description: Text | None = None
    types: EventTypes | None = Field(default=None, description=_TYPES)
    enabled: bool | None = None


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"grace_hours": 24}})

    grace_hours: float = Field(
        default=24.0, ge=0, le=168, description="For so long deliveries are signed with the old secret too."
    )


class ReplayRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, json_schema_extra={"example": {"from": "2026-11-25T03:00:00Z"}}
    )

    since: Moment = Field(alias="from", description="Events of connections since then.")


class Replayed(BaseModel):
    deliveries: int


class WebhookView(BaseModel):
    """``secret`` is shown once, to who makes or rotates it, and null at any other time."""

    model_config = ConfigDict(title="Webhook")

    id: UUID
    service: UUID
    url: str
    description: str
    types: list[str]
    enabled: bool
    disabled_reason: str | None = Field(description="Why OneNet disabled it.")
    previous_until: datetime | None = Field(description="Until when deliveries are signed twice.")
    waiting: int = Field(description="Deliveries that are not made yet.")
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int
    secret: str | None = None


class AttemptView(BaseModel):
    """One attempt to deliver; ``status`` is the response's, null when there was none."""

    model_config = ConfigDict(title="Attempt")

    id: UUID
    time: datetime
    event_id: UUID
    type: str
    number: int
    outcome: str
    status: int | None
    error: str
    milliseconds: int


class WebhookQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = "created_at"


class AttemptQuery(PageQuery):
    sort: Literal["time", "-time"] = "-time"
