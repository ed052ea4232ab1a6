"""The shape that every ctype's driver has: observe, plan, apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeVar
from uuid import UUID

from onenet_common.connection import CType, Side, Step, Wish
from onenet_common.states import DesiredState, Health


def unguarded() -> None:
    """Let every call begin."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a driver works on: one connection at its newest generation.

    Args:
        details: what earlier steps asked to be remembered, such as ``peering_id``; strings
            only, no secrets. A driver must find its objects without them too.
        others: what is remembered of this connection's paths by other ctypes, which may be there while
            it changes from one to the other. A driver may take over what leads into them, a route for
            one, so that no moment is without a path; it removes none of their objects.
        guard: to be called right before each call that changes something; raises when another
            worker may have the link by now.
    """

    connection_id: UUID
    generation: int
    ctype: CType
    desired: DesiredState
    wish: Wish
    details: dict[str, str] = field(default_factory=dict)
    others: Mapping[CType, Mapping[str, str]] = field(default_factory=dict)
    guard: Callable[[], None] = field(default=unguarded, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the provider says itself of the path's state; ``reason`` may be shown to both owners."""

    health: Health
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is there now, read from the provider alone. Drivers subclass it.

    Args:
        details: what a user should see of it once established, such as ``peering_id``.
        adopted: the path was made by somebody else and is only used.
        telemetry: None where the provider says nothing of the path's state.
    """

    details: dict[str, str] = field(default_factory=dict)
    adopted: bool = False
    telemetry: Telemetry | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The step took effect. ``remember`` is kept in the link's details before the next step, except where
    a path by a former ctype is taken back or removed."""

    remember: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """The provider needs time: look again after ``seconds``.

    ``side`` is whose account the reason is about, which the reconciler fills in.
    """

    seconds: float
    reason: str
    side: Side | None = None


Outcome = Done | Wait

Seen = TypeVar("Seen", bound=Observed)


class Driver(Protocol[Seen]):
    """One ctype.

    ``observe`` reads only and raises Transient or Permanent, and says of each about which side it is:
    what a provider says of one account is not for the other side's owner. ``plan`` is pure: the
    ordered steps from what is seen to ``link.desired``, empty when nothing is to be done; it raises
    Conflict or PathRefused when the wish cannot be fulfilled, and says the same of them. ``apply`` makes
    one provider call, asks the link's ``guard`` before it, is safe to repeat, and translates every
    foreign error.
    """

    ctype: ClassVar[CType]

    async def observe(self, link: Link) -> Seen: ...

    def plan(self, link: Link, seen: Seen) -> list[Step]: ...

    async def apply(self, link: Link, step: Step) -> Outcome: ...
