"""A connection as the API remembers it: one immutable value, folded from wishes and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from onenet_common.connection import (
    Alternative,
    CType,
    L4Filter,
    RefusedPath,
    Requirements,
    Resource,
    Side,
    Step,
    Value,
    Wish,
)
from onenet_common.states import DesiredState, Health, State


class Consent(Value):
    """One side's owner agreed; always to the terms that the connection has now."""

    service: UUID
    by: str
    at: datetime


class Flag(Value):
    """Something that the owners should know; it goes when its cause goes."""

    code: str
    message: str
    at: datetime
    told: SkipJsonSchema[dict[Side, str] | None] = Field(default=None, exclude_if=lambda told: told is None)
    """By side, what its owner alone may read instead of the message; None when it is for both, or quotes
    an account without a word on whose. Nobody is shown this field."""


class Connection(Value):
    """One row.

    Args:
        left, right: both resources as they were when last asked for; see ``towards``.
        reasons_told: the reasons as the owner of each side alone may read them; a side that is missing
            may not.
        dry_run: nothing was ever asked to be built; stays so when it is deleted.
        terms: digest of what the consents are bound to.
        needed_from: services whose owners have yet to agree.
        established_generation: the newest generation that was established; 0 for none. What is
            watched at the providers is watched under this generation or a newer one.
        published_at, attempts: when the wish was last handed on, and how often in a row.
        service_name_left, service_name_right: joined in on reading, not part of the row.
    """

    id: UUID
    name: str
    resource_left: UUID
    resource_right: UUID
    service_left: UUID
    service_right: UUID
    left: Resource
    right: Resource
    state: State
    desired_state: DesiredState
    dry_run: bool = False
    health: Health = Health.UNKNOWN
    health_reasons: tuple[str, ...] = ()
    ctype: CType | None = None
    requested_ctype: CType | None = None
    adopt: bool = False
    adopted: bool = False
    l4filters: tuple[L4Filter, ...] = ()
    requirements: Requirements = Requirements()
    details: dict[str, str] = Field(default_factory=dict)
    evaluation: tuple[Alternative, ...] = ()
    reasons: tuple[str, ...] = ()
    reasons_told: dict[Side, tuple[str, ...]] = Field(default_factory=dict)
    plan: tuple[Step, ...] = ()
    flags: tuple[Flag, ...] = ()
    refused_paths: tuple[RefusedPath, ...] = ()
    connected_by: UUID | None = None
    terms: str
    needed_from: tuple[UUID, ...] = ()
    given: tuple[Consent, ...] = ()
    generation: int = 1
    established_generation: int = 0
    requested_by: str
    trace_id: str = ""
    traceparent: str = ""
    published_at: datetime
    attempts: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1
    service_name_left: str = ""
    service_name_right: str = ""

    @property
    def services(self) -> tuple[UUID, ...]:
        """The services of both sides, each once."""
        return tuple(dict.fromkeys((self.service_left, self.service_right)))

    @property
    def known_ctype(self) -> CType | None:
        """The one asked for, which is honoured or nothing comes of it, or else the one decided on."""
        return self.requested_ctype or self.ctype

    @property
    def wish(self) -> Wish:
        return Wish(
            id=self.id,
            name=self.name,
            generation=self.generation,
            left=self.left,
            right=self.right,
            l4filters=self.l4filters,
            requirements=self.requirements,
            ctype=self.requested_ctype,
            adopt=self.adopt,
            desired_state=self.desired_state,
            refused_paths=self.refused_paths,
            connected_by=self.connected_by,
        )

    def side(self, side: Side) -> Resource:
        return self.left if side is Side.LEFT else self.right

    def side_of(self, resource: UUID) -> Side:
        """Which side a resource is."""
        return Side.LEFT if self.resource_left == resource else Side.RIGHT

    def but(self, **changes: Any) -> Connection:
        """The connection with some fields changed; as typed as its caller is careful."""
        return self.model_copy(update=changes)


def because(*reasons: str, told: Mapping[Side, tuple[str, ...]] | None = None) -> dict[str, Any]:
    """The fields of a connection that say why; without ``told`` both sides' owners may read it."""
    both: Mapping[Side, tuple[str, ...]] = dict.fromkeys(Side, reasons) if reasons else {}
    return {"reasons": reasons, "reasons_told": dict(both if told is None else told)}


def towards(resource: Resource, peer: Resource) -> Resource:
    """The resource with those of its existing paths alone that lead to the peer."""
    paths = tuple(
        path
        for path in resource.paths
        if (path.peer_native_id, path.peer_account, path.peer_region)
        == (peer.native_id, peer.account, peer.region)
    )
    return resource if paths == resource.paths else resource.model_copy(update={"paths": paths})


def with_flag(flags: tuple[Flag, ...], flag: Flag) -> tuple[Flag, ...]:
    """The flags with this one in place of any older of its code."""
    return (*without_flags(flags, flag.code), flag)


def without_flags(flags: tuple[Flag, ...], *codes: str) -> tuple[Flag, ...]:
    return tuple(flag for flag in flags if flag.code not in codes)
