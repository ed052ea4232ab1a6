"""What becomes of a link, and which events say so: pure functions from a link to a change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from onenet_common.connection import CType, Sample, Side, Step, Wish, told_to
from onenet_common.errors import OneNetError, PathRefused, Permanent, Transient
from onenet_common.events import (
    ConnectionDelayed,
    ConnectionDeleted,
    ConnectionDrifted,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionPathRefused,
    ConnectionPlanned,
    ConnectionRepaired,
    Event,
    HealthSampled,
)
from onenet_common.states import DesiredState, Health
from onenet_provisioner.drivers.driver import Observed, Wait
from onenet_provisioner.links import Failure, OtherPath, Work
from onenet_provisioner.phases import Phase

Failed = TypeVar("Failed", bound=OneNetError)

NO_ACCESS = "access_denied"
"""The code that drivers give to what OneNet may not see or do in an account."""

NOTABLE_ATTEMPT = 3
"""A passing error is told to the user when it did not pass after so many tries in a row."""


@dataclass(frozen=True, slots=True)
class Change:
    """The link as it should be saved, what to publish, and when to look again.

    ``wait`` in seconds; None leaves it to the phase and the attempts.
    """

    work: Work
    events: list[Event] = field(default_factory=list)
    outcome: str = "unchanged"
    wait: float | None = None


def established(work: Work, seen: Observed) -> Change:
    events = [_established(work, seen), _sampled(work, Health.UP), *_told(work, seen)]
    others = tuple(replace(path, stands=False) for path in work.others)
    watched = replace(_watched(work, seen), standing=None, failure=None, others=others)
    return Change(watched, events, "established", wait=0.0 if others else None)


def as_desired(work: Work, seen: Observed) -> Change:
    """A watched link whose plan is empty, perhaps after a repair."""
    events: list[Event] = []
    if work.drifted:
        events.append(ConnectionRepaired(**_about(work), details=seen.details))
    if work.announce:
        events.append(_answer(work, seen))
    events += [_sampled(work, Health.UP), *_told(work, seen)]
    return Change(_watched(work, seen), events, "repaired" if work.drifted else "as_desired")


def drifted(work: Work, steps: list[Step], seen: Observed) -> Change:
    reasons = tuple(step.why or f"{step.action} {step.target}" for step in steps)
    sides = tuple(step.side.value for step in steps)
    return Change(
        replace(work, drifted=True),
        [
            ConnectionDrifted(**_about(work), differences=tuple(steps)),
            _sampled(work, Health.DOWN, reasons, sides),
            *_told(work, seen),
        ],
        "drifted",
    )


def planned(work: Work, steps: list[Step]) -> Change:
    event = ConnectionPlanned(**_about(work), steps=tuple(steps))
    return Change(_ended(work), [event], "planned")


def deleted(work: Work) -> Change:
    return Change(_ended(work), [ConnectionDeleted(**_about(work))], "deleted")


def waiting(work: Work, wait: Wait, now: datetime) -> Change:
    """The provider needs time, of which there is an end unless something is being removed."""
    if _may_give_up(work) and now >= work.deadline_at:
        late = Permanent(wait.reason, code="deadline")
        return refused(work, _preceded("gave up waiting", late.about(wait.side) if wait.side else late))
    return Change(replace(work, reason=wait.reason, attempts=0), [], "waiting", wait.seconds)


def delayed(work: Work, error: Transient, now: datetime) -> Change:
    """An error that may pass: try again, tell when it persists, give up at the deadline."""
    if _may_give_up(work) and now >= work.deadline_at:
        late = Permanent(error.reason, code="deadline", told=error.told)
        return refused(work, _preceded("gave up at the deadline", late))
    work = replace(work, attempts=work.attempts + 1, reason=error.reason)
    events: list[Event] = []
    if work.attempts == NOTABLE_ATTEMPT:
        events.append(_delayed(work, error))
    if work.phase is Phase.WATCHED and work.attempts >= NOTABLE_ATTEMPT:
        events.append(_sampled_for(work, Health.DEGRADED, _preceded("cannot be looked at", error)))
    return Change(work, events, error.code)


def refused(work: Work, error: Permanent) -> Change:
    """An error that repeating cannot help.

    A watched link stays under watch and is told to be down, unless all that is known is that OneNet may
    not look any more; a removal is tried again, since giving up would leave something behind; anything
    else is undone first and told then.
    """
    if work.phase is Phase.WATCHED and not work.drifted and error.code == NO_ACCESS:
        # Nothing is repaired before it is seen to have drifted, so it was the look that was refused.
        return Change(
            replace(work, attempts=0, reason=error.reason),
            [_sampled_for(work, Health.DEGRADED, _preceded("cannot be looked at", error))],
            error.code,
        )
    if work.phase is Phase.WATCHED:
        return Change(
            replace(work, attempts=0, reason=error.reason),
            [_sampled_for(work, Health.DOWN, error)],
            error.code,
        )
    if work.phase is Phase.UNDOING:
        return _left_behind(work, error)
    if work.wish.desired_state is DesiredState.DELETED:
        work = replace(work, attempts=work.attempts + 1, reason=error.reason)
        return Change(work, [_delayed(work, error)] if work.attempts == 1 else [], error.code)
    failure = _failure(error, another_path=isinstance(error, PathRefused))
    undoing = replace(work, phase=Phase.UNDOING, failure=failure, attempts=0, reason=error.reason)
    return Change(undoing, [], error.code, wait=0.0)


def undone(work: Work) -> Change:
    """Nothing of the failed generation is left; what stood before it stands.

    Also the answer, once more, of a link that came to nothing earlier.
    """
    failure = work.failure or Failure(code="internal", reason="undone for a reason that was lost")
    if work.standing is not None:
        if work.stood_as_another is not None:
            failure = failure.model_copy(update={"ctype": work.ctype})
        restored = replace(_restored(work, work.standing), failure=failure)
        wait = 0.0 if restored.others else None
        return Change(restored, [_failed(restored, failure, reverted=True)], "reverted", wait)
    if failure.another_path and work.ctype is not None:
        event = ConnectionPathRefused(
            **_about(work), wish=work.wish, reason=failure.reason, told=failure.told
        )
        return Change(_ended(work), [event], "path_refused")
    return Change(_ended(work), [_failed(work, failure)], "failed")


def due_again(event: Event, interval: float) -> Event:
    """A sample says how soon the next one is due, in seconds, so that silence can be told from health."""
    if not isinstance(event, HealthSampled):
        return event
    return event.model_copy(update={"sample": event.sample.model_copy(update={"interval": interval})})


def _left_behind(work: Work, error: Permanent) -> Change:
    """What cannot be undone is told; what stood before goes back under watch, which tells its health."""
    failure = work.failure or _failure(error)
    left = _failure(_preceded("and it could not be cleaned up", error))
    told = {
        side: f"{told_to(side, failure.told)}; {told_to(side, left.told)}"
        for side in failure.told.keys() | left.told.keys()
    }
    reason = f"{failure.reason}; {left.reason}"
    return undone(replace(work, failure=Failure(code=failure.code, reason=reason, told=told)))


def _restored(work: Work, standing: Wish) -> Work:
    wish = standing.model_copy(update={"generation": work.generation})
    restored = replace(_quiet(work), phase=Phase.WATCHED, wish=wish, standing=None)
    stood = work.stood_as_another
    if stood is None or work.ctype is None:
        return restored
    others = tuple(path for path in work.others if path is not stood)
    tried = OtherPath(work.ctype, work.wish, work.details)
    return replace(restored, ctype=stood.ctype, details=stood.details, others=(*others, tried))


def _may_give_up(work: Work) -> bool:
    return work.phase is Phase.WORKING and work.wish.desired_state is not DesiredState.DELETED


def _watched(work: Work, seen: Observed) -> Work:
    return replace(_quiet(work), phase=Phase.WATCHED, details={**work.details, **seen.details})


def _ended(work: Work) -> Work:
    return replace(_quiet(work), phase=Phase.ENDED, others=())


def _quiet(work: Work) -> Work:
    return replace(work, drifted=False, announce=False, attempts=0, reason=None)


def _about(work: Work) -> dict[str, Any]:
    return {"connection_id": work.connection_id, "generation": work.generation, "ctype": work.ctype}


def _answer(work: Work, seen: Observed) -> Event:
    """What became of the wish that this generation stands for."""
    return _failed(work, work.failure, reverted=True) if work.failure else _established(work, seen)


def _established(work: Work, seen: Observed) -> ConnectionEstablished:
    return ConnectionEstablished(**_about(work), details=seen.details, adopted=seen.adopted)


def _failed(work: Work, failure: Failure, *, reverted: bool = False) -> ConnectionFailed:
    tried = CType(failure.ctype) if failure.ctype else work.ctype
    return ConnectionFailed(
        **_about(work) | {"ctype": tried, "stands": work.ctype if reverted else None},
        code=failure.code,
        reason=failure.reason,
        reverted=reverted,
        told=failure.told,
    )


def _failure(error: OneNetError, *, another_path: bool = False) -> Failure:
    told = {Side(side): words for side, words in error.told.items()}
    return Failure(code=error.code, reason=error.reason, told=told, another_path=another_path)


def _preceded(words: str, error: Failed) -> Failed:
    """The same error with some words before its reason."""
    told = {side: f"{words}: {reason}" for side, reason in error.told.items()}
    return type(error)(f"{words}: {error.reason}", code=error.code, told=told)


def _delayed(work: Work, error: OneNetError) -> ConnectionDelayed:
    return ConnectionDelayed(**_about(work), code=error.code, reason=error.reason, told=error.told)


def _told(work: Work, seen: Observed) -> list[Event]:
    """What the provider says itself of the path, which both owners may read."""
    if (told := seen.telemetry) is None:
        return []
    return [_sampled(work, told.health, (told.reason,), ("both",), source="provider")]


def _sampled_for(work: Work, health: Health, error: OneNetError) -> HealthSampled:
    """A sample with an error's reason, for the owners whom it concerns."""
    if not error.told:
        return _sampled(work, health, (error.reason,))
    if set(error.told) == set(Side) and len(set(error.told.values())) == 1:
        return _sampled(work, health, (error.reason,), ("both",))
    return _sampled(work, health, tuple(error.told.values()), tuple(error.told))


def _sampled(
    work: Work,
    health: Health,
    reasons: tuple[str, ...] = (),
    sides: tuple[str, ...] = (),
    source: str = "control-plane",
) -> HealthSampled:
    given = {"source": source, "health": health.value, "reasons": reasons, "sides": sides}
    sample = Sample.model_validate({**given, "at": datetime.now(UTC)})
    return HealthSampled(**_about(work), sample=sample)
