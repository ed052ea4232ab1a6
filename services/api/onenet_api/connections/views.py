"""What users send and see of connections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from onenet_api.connections.disclosure import Sight
from onenet_api.connections.model import Connection, Consent, Flag
from onenet_api.pages import PageQuery
from onenet_api.resources.views import Contained
from onenet_common.connection import (
    Alternative,
    CType,
    L4Filter,
    Name,
    Requirements,
    Side,
    Step,
)
from onenet_common.states import DesiredState, Health, State

L4Filters = Annotated[tuple[L4Filter, ...], Field(max_length=50)]
Wanted = Literal[DesiredState.ESTABLISHED, DesiredState.PLANNED]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\x00]*$")
]


class ConnectionRequest(BaseModel):
    """Ask for a connection, or agree to one by asking for it from the other side."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "resource_left": "5f0c7a52-2f2e-5c0e-9d3b-0d6f6a3c1a11",
                "resource_right": "0b7c2f64-91c3-5b7f-8f5e-6a1d1c0b2c22",
                "name": "orders to billing",
                "l4filters": [{"protocol": "tcp", "from_port": 443, "to_port": 443}],
            }
        },
    )

    resource_left: UUID
    resource_right: UUID
    name: Name | None = Field(default=None, description="`left - right` by default.")
    ctype: CType | None = Field(default=None, description="OneNet chooses by default.")
    l4filters: L4Filters | None = Field(
        default=None, description="By default those of both resources together; `[]` for any traffic."
    )
    requirements: Requirements = Requirements()
    adopt: bool = Field(default=False, description="Take over a path that exists instead of refusing it.")
    desired_state: Wanted = Field(
        default=DesiredState.ESTABLISHED, description="`PLANNED` for a dry run: the plan and no change."
    )

    @model_validator(mode="after")
    def _two_resources(self) -> Self:
        if self.resource_left == self.resource_right:
            raise ValueError("resource_left and resource_right are the same; name two resources")
        return self


class RequirementsChange(BaseModel):
    """What is left out stays as it is; null takes the wish back."""

    model_config = ConfigDict(extra="forbid")

    bandwidth_mbps: int | None = Field(default=None, ge=1, le=10_000_000)
    latency_ms: float | None = Field(default=None, gt=0, le=10_000)
    encryption: bool | None = None
    monthly_gb: float | None = Field(default=None, ge=0, le=1e9)


class ConnectionChange(BaseModel):
    """A JSON merge patch: what is left out stays as it is, null stands for a new request's default."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "l4filters": [{"protocol": "tcp", "from_port": 443, "to_port": 443}],
                "requirements": {"monthly_gb": 500, "latency_ms": None},
            }
        },
    )

    name: Name | None = Field(default=None, description="Null for `left - right`.")
    ctype: CType | None = Field(default=None, description="Null to let OneNet choose.")
    l4filters: L4Filters | None = Field(
        default=None, description="All of them; null for those of both resources, `[]` for any traffic."
    )
    requirements: RequirementsChange | None = Field(default=None, description="Null for no wishes.")


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"terms": "9f86d081…"}})

    terms: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00]*$",
        description="`consent.terms` of the connection whose addresses and filters you agree to.",
    )


class Refusal(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "use the staging network instead"}}
    )

    reason: Reason


class Retry(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    desired_state: Wanted | None = Field(
        default=None, description="`ESTABLISHED` carries out what a dry run had planned."
    )


class SideView(BaseModel):
    """One side of a connection.

    Addresses and account are shown to this side's owners, and to the other side's once this side
    has agreed to be connected; before, they are empty and null.
    """

    resource: UUID
    name: str
    service: UUID
    service_name: str
    region: str
    account: str | None
    subnets: list[str]


class ConsentView(BaseModel):
    terms: str | None = Field(description="Null for those who do not see all that it covers.")
    needed_from: tuple[UUID, ...]
    given: tuple[Consent, ...]


class ConnectionView(BaseModel):
    model_config = ConfigDict(title="Connection")

    id: UUID
    name: str
    resource_left: UUID
    resource_right: UUID
    left: SideView
    right: SideView
    state: State
    desired_state: DesiredState
    health: Health
    health_reasons: tuple[str, ...]
    ctype: CType | None
    requested_ctype: CType | None
    adopt: bool
    adopted: bool
    l4filters: tuple[L4Filter, ...]
    requirements: Requirements
    details: dict[str, str] = Field(description="Of `…_left` and `…_right`, the own side's.")
    evaluation: tuple[Alternative, ...]
    reasons: tuple[str, ...]
    plan: tuple[Step, ...] = Field(description="Of the other side's steps, only what kind they are.")
    flags: tuple[Flag, ...]
    consent: ConsentView
    generation: int
    requested_by: str
    trace_id: str
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, connection: Connection, seen: frozenset[UUID]) -> ConnectionView:
        """The connection as somebody sees it who owns the services ``seen``.

        Nothing is validated again: a ``Connection`` holds these very types.
        """
        sight = Sight(frozenset(side for side in Side if connection.side(side).service in seen))
        seen |= {consent.service for consent in connection.given}
        if connection.established_generation:
            seen |= set(connection.services)
        fields: dict[str, Any] = {name: getattr(connection, name) for name in _SHARED}
        agreed = seen.issuperset(connection.services)
        return cls.model_construct(
            **fields,
            details=sight.details(connection.details) if agreed else {},
            evaluation=sight.evaluation(connection.evaluation) if agreed else (),
            plan=sight.steps(connection.plan) if agreed else (),
            reasons=sight.reasons(connection.reasons, connection.reasons_told),
            flags=sight.flags(connection.flags),
            left=_side(connection, Side.LEFT, seen),
            right=_side(connection, Side.RIGHT, seen),
            consent=ConsentView.model_construct(
                terms=connection.terms if agreed else None,
                needed_from=connection.needed_from,
                given=connection.given,
            ),
        )


_OF_A_SIDE = {"left", "right", "consent", "details", "evaluation", "plan", "reasons", "flags"}
_SHARED = tuple(name for name in ConnectionView.model_fields if name not in _OF_A_SIDE)


def _side(connection: Connection, side: Side, seen: frozenset[UUID]) -> SideView:
    resource = connection.side(side)
    name = connection.service_name_left if side is Side.LEFT else connection.service_name_right
    shown = resource.service in seen
    return SideView.model_construct(
        resource=resource.id,
        name=resource.name,
        service=resource.service,
        service_name=name,
        region=resource.region,
        account=resource.account if shown else None,
        subnets=[str(subnet) for subnet in resource.subnets] if shown else [],
    )


class ConnectionQuery(PageQuery):
    state: list[State] = Field(default=[], max_length=len(State), description="May be repeated.")
    ctype: CType | None = None
    health: Health | None = None
    service: UUID | None = Field(default=None, description="Of either side.")
    resource: UUID | None = Field(default=None, description="Either side.")
    contains: Contained | None = None
    sort: Literal[
        "created_at", "-created_at", "updated_at", "-updated_at", "name", "-name", "state", "-state"
    ] = "-created_at"


class TimelineItem(BaseModel):
    """One event of a connection's life. ``generation`` says which wish it belongs to."""

    id: UUID
    type: str
    time: datetime
    actor: str
    source: str
    generation: int
    trace_id: str
    summary: str
    data: dict[str, Any]


class TimelineQuery(PageQuery):
    sort: Literal["time", "-time"] = "time"
