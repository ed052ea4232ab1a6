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

    ``told`` has, by side, what the owner of that side alone may read of the reason; ``ctype`` is the
    one that was tried, where another one stands.
    """

    code: str
    reason: str
    told: dict[Side, str] = Field(default_factory=dict)
    ctype: str = ""
    another_path: bool = False


@dataclass(frozen=True, slots=True)
class OtherPath:
    """A path by another ctype than the link's that may be at the provider: the one before a change of
    ctype, or one that such a change began and did not end.

    Args:
        wish: as it was built, or was to be.
        details: what its driver asked to be remembered.
        stands: it is what was established last.
    """

    ctype: CType
    wish: Wish
    details: dict[str, str] = field(default_factory=dict)
    stands: bool = False


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
    others: tuple[OtherPath, ...] = ()
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
            others={path.ctype: dict(path.details) for path in self.others},
        )

    def link_of(self, path: OtherPath, desired: DesiredState) -> Link:
        """What the driver of another path gets to see; of one that stands, its wish as it was established."""
        others = {one.ctype: dict(one.details) for one in self.others if one is not path}
        own = {self.ctype: dict(self.details)} if self.ctype else {}
        return Link(
            connection_id=self.connection_id,
            generation=self.generation,
            ctype=path.ctype,
            desired=desired,
            wish=path.wish,
            details=dict(path.details),
            others=others | own,
        )

    @property
    def stood_as_another(self) -> OtherPath | None:
        """The path by another ctype that stands while this one is worked on, if there is one."""
        return next((path for path in self.others if path.stands), None)


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
    details, others = _turned_to(event.ctype, work)
    return replace(
        fresh,
        ctype=event.ctype,
        details=details,
        others=others,
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
    return replace(
        fresh, ctype=work.ctype or event.ctype, details=work.details, others=work.others, lease=work.lease
    )


def _turned_to(ctype: CType, work: Work | None) -> tuple[dict[str, str], tuple[OtherPath, ...]]:
    """What is remembered of the path by this ctype, and the paths by others that may be there."""
    if work is None:
        return {}, ()
    if work.ctype in (None, ctype):
        return work.details, work.others
    known = {path.ctype: path for path in work.others}
    if work.ctype is not None and work.phase is not Phase.ENDED:
        standing = _standing(work) if work.stood_as_another is None else None
        known[work.ctype] = OtherPath(
            work.ctype, standing or work.wish, work.details, stands=standing is not None
        )
    own = known.pop(ctype, None)
    return own.details if own else {}, tuple(known.values())


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
