"""The words of a connection, as they stand on the wire: value objects without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from onenet_common.addresses import Cidr
from onenet_common.states import DesiredState

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]


class OpenWord(StrEnum):
    """A word of a list that grows: the published schemas promise a text, not the list of today."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "title": cls.__name__, "examples": [word.value for word in cls]}


class CType(OpenWord):
    """The ways in which two networks can be joined."""

    AWS_PEERING = "AWS_PEERING"


class ProviderType(OpenWord):
    AWS = "AWS"


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Value(BaseModel):
    """A frozen part of an event; readers ignore fields that they do not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Protocol(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ANY = "any"


class Direction(StrEnum):
    BOTH = "both"
    LEFT_TO_RIGHT = "left_to_right"
    RIGHT_TO_LEFT = "right_to_left"


class L4Filter(Value):
    """Traffic that the connection is for: protocol, destination ports, who opens it.

    Ports are inclusive and make sense for TCP and UDP alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol = Protocol.ANY
    from_port: int | None = Field(default=None, ge=1, le=65535)
    to_port: int | None = Field(default=None, ge=1, le=65535)
    direction: Direction = Direction.BOTH

    @model_validator(mode="after")
    def _ports_fit(self) -> Self:
        if (self.from_port is None) != (self.to_port is None):
            raise ValueError("give both from_port and to_port, or neither")
        if self.from_port is not None and self.to_port is not None:
            if self.protocol not in (Protocol.TCP, Protocol.UDP):
                raise ValueError(f"ports need protocol tcp or udp, not {self.protocol.value}")
            if self.from_port > self.to_port:
                raise ValueError(f"from_port {self.from_port} is above to_port {self.to_port}")
        return self


class Requirements(Value):
    """What the owner wishes of the path; the evaluator weighs it.

    ``bandwidth_mbps`` in megabits a second, ``latency_ms`` in milliseconds for a round trip,
    ``monthly_gb`` the traffic expected in both directions, in gigabytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bandwidth_mbps: int | None = Field(default=None, ge=1, le=10_000_000)
    latency_ms: float | None = Field(default=None, gt=0, le=10_000)
    encryption: bool = False
    monthly_gb: float = Field(default=0.0, ge=0, le=1e9)


class Quota(Value):
    """How much of a provider's limit is taken, as discovered.

    Args:
        used: objects that count against the limit now.
        limit: the limit in force for this network.
        source: where the limit was read, such as ``service-quotas L-7E9ECCDB`` or ``default``.
    """

    used: int = Field(ge=0)
    limit: int = Field(ge=0)
    source: str = ""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class ExistingPath(Value):
    """A path between this network and another that the provider already has.

    ``ours`` tells whether it carries OneNet's tag.
    """

    native_id: str
    peer_native_id: str
    peer_account: str = ""
    peer_region: str = ""
    status: str = ""
    ours: bool = False


class Resource(Value):
    """A network as discovered: what the evaluator and the provisioner need to know of it.

    ``native_id`` is the provider's name for it (``vpc-…``), ``subnet`` its primary CIDR,
    ``subnets`` all of them including the primary. ``quotas`` is keyed by ``peerings`` and
    ``routes``; the latter is that of the fullest route table in use. ``public_addresses`` are those
    by which the internet knows it and that stay with it.
    """

    id: UUID
    name: str
    service: UUID
    provider: UUID
    provider_type: ProviderType
    account: str
    region: str
    native_id: str
    subnet: Cidr
    subnets: tuple[Cidr, ...]
    tags: dict[str, str] = Field(default_factory=dict)
    quotas: dict[str, Quota] = Field(default_factory=dict)
    paths: tuple[ExistingPath, ...] = ()
    public_addresses: tuple[str, ...] = ()


class Provider(Value):
    """Where resources live and how OneNet gets in.

    ``external_id`` is made by OneNet for each provider and belongs into the trust policy of
    ``role_arn``; AWS does not treat it as a secret, it stops a confused deputy.
    """

    id: UUID
    name: str
    service: UUID
    provider_type: ProviderType
    account: str
    region: str
    role_arn: str
    external_id: str


ELSEWHERE = "the reason is not shown, since it may quote the other side's account"
"""Told to the owner of one side in place of a reason that may quote the other side's account."""


def told_to(side: Side, told: Mapping[Side, str]) -> str:
    """What the owner of one side alone may read of a reason."""
    return told.get(side, ELSEWHERE)


def is_none(value: object) -> bool:
    """For optional fields that are left out of JSON where they say nothing."""
    return value is None


class RefusedPath(Value):
    """A ctype that was tried for this connection and turned out impossible.

    Args:
        told: by side, what the owner of that side alone may read of the reason; a side that is missing
            reads none of it.
    """

    ctype: CType
    reason: str
    told: dict[Side, str] = Field(default_factory=dict)


class Wish(Value):
    """A connection as somebody wants it: all that evaluator and provisioner need.

    Args:
        generation: raised by every change of intent; results of an older one are history.
        ctype: the ctype asked for, None when OneNet chooses.
        adopt: take over a path that exists already instead of refusing it.
        refused_paths: ctypes that must not be chosen again for this generation.
        connected_by: another live connection of the same pair, if there is one.
    """

    id: UUID
    name: str
    generation: int = Field(ge=1)
    left: Resource
    right: Resource
    l4filters: tuple[L4Filter, ...] = ()
    requirements: Requirements = Requirements()
    ctype: CType | None = None
    adopt: bool = False
    desired_state: DesiredState = DesiredState.ESTABLISHED
    refused_paths: tuple[RefusedPath, ...] = ()
    connected_by: UUID | None = None

    def side(self, side: Side) -> Resource:
        return self.left if side is Side.LEFT else self.right


class Constraint(Value):
    """One hard constraint, checked.

    ``source`` names where the fact comes from, ``as_of`` its date. ``told`` has, by side, what the
    owner of that side alone may read instead of the reason; None when the reason is for both.
    """

    name: str
    satisfied: bool
    reason: str
    source: str = ""
    as_of: str = ""
    told: dict[Side, str] | None = Field(default=None, exclude_if=is_none)

    def told_to(self, side: Side) -> str:
        """The reason as the owner of one side alone may read it."""
        return self.reason if self.told is None else told_to(side, self.told)


class Alternative(Value):
    """One ctype of the catalogue, weighed for one request.

    Args:
        monthly_cost_usd: the fixed price and the expected traffic's, in US dollars a month.
        monthly_fixed_usd: the part of it that is paid without any traffic.
        price_per_gb_usd: what one more gigabyte costs.
        encrypted: whether the path promises encryption.
        bandwidth_mbps: what it carries at most, in megabits a second.
    """

    ctype: CType
    feasible: bool
    score: float | None = None
    monthly_cost_usd: float | None = None
    monthly_fixed_usd: float | None = None
    price_per_gb_usd: float | None = None
    encrypted: bool | None = None
    bandwidth_mbps: float | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def refusals(self) -> list[str]:
        return [constraint.reason for constraint in self.constraints if not constraint.satisfied]

    def refusals_told_to(self, side: Side) -> list[str]:
        """The refusals as the owner of one side alone may read them."""
        return [constraint.told_to(side) for constraint in self.constraints if not constraint.satisfied]


class Step(Value):
    """One provider call of a plan, fit to be shown to a user.

    Args:
        action: a verb and its object, such as ``create_route``.
        side: in whose account and region.
        target: the object acted on, such as ``rtb-… 10.1.0.0/16``.
        arguments: what the driver needs to carry it out; no secrets.
        why: the difference that this step removes.
    """

    action: str
    side: Side
    target: str
    arguments: dict[str, str] = Field(default_factory=dict)
    why: str = ""


class Sample(Value):
    """One observation of a connection's health.

    Args:
        source: what observed: ``control-plane`` for OneNet's own look at what it built, ``provider`` for
            what the provider tells of its path, such as a peering's status or a tunnel's state in its
            telemetry, ``flows`` for traffic.
        sides: whose account each of the reasons is about, in their order; ``both`` for what either owner
            may read. A reason beyond them is only for somebody who owns both sides.
        interval: seconds until the source looks again, at the latest, as long as it lives.
    """

    source: str
    health: str
    reasons: tuple[str, ...] = ()
    sides: tuple[Literal["left", "right", "both"], ...] = ()
    at: datetime
    interval: float | None = Field(default=None, gt=0)

    @field_validator("health")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("UP", "DEGRADED", "DOWN"):
            raise ValueError("health of a sample is UP, DEGRADED or DOWN")
        return value
