"""Findings as users see them: what the monitor found, and what their owners think of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onenet_api.pages import Moment, PageQuery

Kind = Literal["internet_detour", "cleartext", "refused", "idle", "near_limit", "cost_above_estimate"]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")]


class FindingState(StrEnum):
    """`ACKNOWLEDGED` holds until the finding has closed, `MUTED` also when it opens again."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    MUTED = "MUTED"
    CLOSED = "CLOSED"


class FindingService(BaseModel):
    """A service whose networks a finding is about, as the directory has it."""

    id: UUID
    name: str
    owners: list[str]


class FindingView(BaseModel):
    model_config = ConfigDict(title="Finding")

    id: UUID
    kind: str
    state: FindingState
    severity: str
    summary: str
    remedy: str
    resources: list[UUID]
    services: list[FindingService] = Field(description="Whose networks these are, and who owns them.")
    connection: UUID | None
    evidence: dict[str, Any]
    opened_at: datetime
    confirmed_at: datetime = Field(
        description="When traffic was looked at last and it held. `evidence` tells of how many hours; "
        "`last_seen_hour` there is the beginning of the hour in which its cause was seen last."
    )
    closed_at: datetime | None
    marked_by: str | None = Field(description="Who acknowledged or muted it.")
    marked_at: datetime | None
    muted_until: datetime | None
    note: str


class FindingQuery(PageQuery):
    state: list[FindingState] = Field(
        default=[FindingState.OPEN], max_length=len(FindingState), description="May be repeated."
    )
    kind: Kind | None = None
    service: UUID | None = None
    connection: UUID | None = None
    sort: Literal["opened_at", "-opened_at"] = "-opened_at"


class Acknowledgement(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "we are on it"}})

    note: Note = ""


class Muting(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"until": "2027-01-01T00:00:00Z", "note": "legacy, gone next year"}},
    )

    until: Moment | None = Field(default=None, description="For good by default.")
    note: Note = ""
