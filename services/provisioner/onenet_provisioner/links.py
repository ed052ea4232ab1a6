"""A link: what is wanted of one connection, how far it is, and how wishes change it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from pydantic import Field

from onenet_common.connection import CType, Side, Value, Wish
from onenet_common.envelope import Message
from onenet_common.events import ConnectionDeletionRequested, ConnectionEvaluated
from onenet_common.states import DesiredState
from onenet_provisioner import spans
from onenet_provisioner.drivers.driver import Link
from onenet_provisioner.phases import Phase


class Failure(Value):
    """Why a wish came to nothing; ``another_path`` asks the evaluator for another ctype.

    ``told`` has, by side, what the owner of that side alone may read of the reason.
    """

    code: str
    reason: str
    told: dict[Side, str] = Field(default_factory=dict)
    another_path: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One row of ``links``, typed; see there for the fields. ``due_at`` is that of the claim.

    ``trace`` is the wish's, with what ``spans`` adds.
    """

    connection_id: UUID
    generation: int
    ctype: CType | None
    phase: Phase
    wish: Wish
    deadline_at: datetime
    due_at: datetime | None
    standing: Wish | None = None
    details: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    drifted: bool = False
    announce: bool = False
    attempts: int = 0
    reason: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)
    lease: UUID | None = None

    def link(self, desired: DesiredState, wish: Wish | None = None) -> Link:
        """What a driver gets to see."""
        if self.ctype is None:
            raise ValueError("a link without a ctype has no driver")
        return Link(
            connection_id=self.connection_id,
            generation=self.generation,
            ctype=self.ctype,
            desired=desired,
            wish=wish or self.wish,
            details=dict(self.details),
        )


def wanted(work: Work | None, message: Message, now: datetime, deadline: datetime) -> Work | None:
    """The link after one event.

    Args:
        work: the link as it is, None when there is none yet.
        deadline: until when a new generation may try.

    Returns:
        the changed link, or None when the event changes nothing: history, or in work already.
    """
    match message.event:
        case ConnectionEvaluated() as event:
            return _evaluated(work, event, message, now, deadline)
        case ConnectionDeletionRequested() as event:
            return _deletion_requested(work, event, message, now, deadline)
    return None


def _evaluated(
    work: Work | None, event: ConnectionEvaluated, message: Message, now: datetime, deadline: datetime
) -> Work | None:
    if work is not None and event.generation < work.generation:
        return None
    if work is not None and event.generation == work.generation:
        if work.phase in (Phase.WORKING, Phase.UNDOING):
            return None
        if work.phase is Phase.WATCHED or (work.failure is not None and work.ctype is event.ctype):
            # Asked again because the answer was lost, or came while the question was repeated.
            return replace(work, announce=True, due_at=now)
    fresh = _fresh(work, event.wish, message, now, deadline)
    return replace(
        fresh,
        ctype=event.ctype,
        details=work.details if work else {},
        standing=_standing(work),
        lease=work.lease if work else None,
    )


def _deletion_requested(
    work: Work | None, event: ConnectionDeletionRequested, message: Message, now: datetime, deadline: datetime
) -> Work | None:
    if work is not None and event.generation < work.generation:
        return None
    if work is not None and event.generation == work.generation and work.phase is not Phase.ENDED:
        return None
    wish = event.wish.model_copy(update={"desired_state": DesiredState.DELETED})
    fresh = _fresh(work, wish, message, now, deadline)
    if work is None:
        # What was built may be older than this schema, so that the provider is asked.
        return replace(fresh, ctype=event.ctype)
    return replace(fresh, ctype=work.ctype or event.ctype, details=work.details, lease=work.lease)


def _fresh(work: Work | None, wish: Wish, message: Message, now: datetime, deadline: datetime) -> Work:
    return Work(
        connection_id=wish.id,
        generation=wish.generation,
        ctype=None,
        phase=Phase.WORKING,
        wish=wish,
        deadline_at=deadline,
        due_at=now,
        trace=spans.following(message.trace, work.trace if work else {}),
    )


def _standing(work: Work | None) -> Wish | None:
    if work is None:
        return None
    return work.wish if work.phase is Phase.WATCHED else work.standing
