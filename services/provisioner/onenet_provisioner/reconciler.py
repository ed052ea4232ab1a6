"""One link, one step nearer to what is wanted: the only place where drivers are called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import structlog

from onenet_common import tracing
from onenet_common.connection import CType, Step
from onenet_common.envelope import Message
from onenet_common.errors import OneNetError, Permanent, Transient
from onenet_common.events import Event
from onenet_common.states import DesiredState
from onenet_common.telemetry import meter
from onenet_provisioner import outcomes, spans
from onenet_provisioner.backoff import full_jitter, spread
from onenet_provisioner.drivers.driver import Done, Driver, Link, Observed, Wait
from onenet_provisioner.leases import Superseded
from onenet_provisioner.link_store import LinkStore
from onenet_provisioner.links import Work
from onenet_provisioner.outcomes import Change
from onenet_provisioner.phases import Phase

log = structlog.get_logger(__name__)
_steps = meter.create_counter("onenet.steps", description="Steps applied, by ctype, action and outcome")
_drifts = meter.create_counter("onenet.drifts", description="Established links found changed, by ctype")
_reconciled = meter.create_counter(
    "onenet.reconciliations", description="Links worked on, by phase and outcome"
)

_formers = meter.create_counter(
    "onenet.former_paths", description="Removals of paths that a change of ctype has left, by outcome"
)

SIDE_BY_SIDE = 4
"""Steps of one link under way at once. Neighbours of one action, such as the routes of both sides,
do not depend on each other."""

MOST_ROUNDS = 10
"""A plan that is not empty after so many rounds works against somebody else."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The plan is empty."""

    seen: Observed


@dataclass(slots=True)
class InHand:
    """A claimed link while it is worked on.

    Args:
        work: as it was saved last.
        late: a call came back after the lease had ended, and may have crossed another worker's.
    """

    work: Work
    late: bool = False

    def progressed(self) -> None:
        """A step took effect: errors before it are not in a row with those that follow."""
        if self.work.attempts:
            self.work = replace(self.work, attempts=0)


class Reconciler:
    """Works on claimed links.

    Args:
        watch_interval: seconds between looks at an established link.
        wake_after: asks the dispatcher to look again in so many seconds.
        changed: told whose networks may have been changed, so that they are discovered anew.
    """

    def __init__(
        self,
        links: LinkStore,
        drivers: Mapping[CType, Driver[Any]],
        *,
        watch_interval: float,
        wake_after: Callable[[float], None],
        changed: Callable[[set[UUID]], None],
    ) -> None:
        self._links = links
        self._drivers = drivers
        self._watch_interval = watch_interval
        self._wake_after = wake_after
        self._changed = changed
        for ctype in drivers:
            # A series that begins with its first drift shows no increase.
            _drifts.add(0, {"ctype": ctype.value})
        for outcome in ("removed", "wait"):
            _formers.add(0, {"outcome": outcome})

    async def reconcile(self, work: Work) -> None:
        """Take one claimed link as far as it goes now, and save what came of it."""
        held = InHand(work)
        with spans.reconciling(work) as span:
            try:
                change = await self._advance(held)
            except Superseded:
                _reconciled.add(1, {"phase": work.phase.value, "outcome": "superseded"})
                await self._let_go(held)
                return
            except Transient as error:
                tracing.failed(span, error)
                change = outcomes.delayed(held.work, error, datetime.now(UTC))
            except Permanent as error:
                tracing.failed(span, error)
                change = outcomes.refused(held.work, error)
            except Exception as error:
                tracing.failed(span, error)
                log.exception("reconcile.unforeseen", connection=str(work.connection_id))
                change = outcomes.delayed(held.work, _unforeseen(error), datetime.now(UTC))
            await self._save(held, change)

    async def _advance(self, held: InHand) -> Change:
        match held.work.phase:
            case Phase.WATCHED:
                return await self._watch(held)
            case Phase.UNDOING:
                return await self._undo(held)
            case Phase.ENDED:
                return outcomes.undone(held.work)
            case Phase.WORKING:
                return await self._work(held)

    async def _work(self, held: InHand) -> Change:
        work = held.work
        desired = work.wish.desired_state
        if work.ctype is None:
            return outcomes.deleted(work)
        if desired is DesiredState.PLANNED:
            return await self._show_plan(work)
        driver = self._driver(work.ctype)
        result = await self._until_settled(held, driver, work.link(desired))
        if isinstance(result, Wait):
            return outcomes.waiting(held.work, result, datetime.now(UTC))
        if desired is DesiredState.DELETED:
            return await self._without_others(held, outcomes.deleted)
        return outcomes.established(held.work, result.seen)

    async def _show_plan(self, work: Work) -> Change:
        link = work.link(DesiredState.ESTABLISHED)
        driver = self._driver(link.ctype)
        return outcomes.planned(work, driver.plan(link, await driver.observe(link)))

    async def _undo(self, held: InHand) -> Change:
        work = held.work
        if work.ctype is None:
            return outcomes.undone(work)
        if work.standing is None:
            link = work.link(DesiredState.DELETED)
        elif work.stood_as_another is None:
            link = work.link(DesiredState.ESTABLISHED, work.standing)
        else:
            # It takes back what the new path took over; that one is removed once this is under watch.
            link = work.link_of(work.stood_as_another, DesiredState.ESTABLISHED)
        result = await self._until_settled(held, self._driver(link.ctype), link)
        if isinstance(result, Wait):
            return outcomes.waiting(held.work, result, datetime.now(UTC))
        if work.standing is None:
            return await self._without_others(held, outcomes.undone)
        return outcomes.undone(held.work)

    async def _without_others(self, held: InHand, then: Callable[[Work], Change]) -> Change:
        """Remove the connection's paths by other ctypes, and go on with what is left."""
        if (wait := await self._remove_others(held)) is not None:
            return outcomes.waiting(held.work, wait, datetime.now(UTC))
        return then(held.work)

    async def _remove_others(self, held: InHand) -> Wait | None:
        for path in held.work.others:
            link = held.work.link_of(path, DesiredState.DELETED)
            result = await self._until_settled(held, self._driver(path.ctype), link)
            if isinstance(result, Wait):
                return result
            left = tuple(one for one in held.work.others if one is not path)
            await self._keep(held, replace(held.work, others=left), [])
        return None

    async def _watch(self, held: InHand) -> Change:
        """Look at what stands and repair it; then remove what a change of ctype has left of another path.

        What cannot be removed now is tried again at the next look: what stands is as good without.
        """
        change = await self._look(held)
        if not held.work.others or change.work.phase is not Phase.WATCHED:
            return change
        try:
            wait = await self._remove_others(held)
        except OneNetError as error:
            log.warning("reconcile.former_path", connection=str(held.work.connection_id), error=error.reason)
            _formers.add(1, {"outcome": error.code})
            return replace(change, work=replace(change.work, others=held.work.others))
        _formers.add(1, {"outcome": "removed" if wait is None else "wait"})
        change = replace(change, work=replace(change.work, others=held.work.others))
        return change if wait is None else replace(change, wait=wait.seconds)

    async def _look(self, held: InHand) -> Change:
        work = held.work
        link = work.link(DesiredState.ESTABLISHED)
        driver = self._driver(link.ctype)
        seen = await driver.observe(link)
        steps = driver.plan(link, seen)
        if not steps:
            return outcomes.as_desired(work, seen)
        if not work.drifted:
            drift = outcomes.drifted(work, steps, seen)
            await self._keep(held, drift.work, drift.events)
            _drifts.add(1, {"ctype": link.ctype.value})
        result = await self._until_settled(held, driver, link)
        if isinstance(result, Wait):
            return outcomes.waiting(held.work, result, datetime.now(UTC))
        return outcomes.as_desired(held.work, result.seen)

    async def _until_settled(self, held: InHand, driver: Driver[Any], link: Link) -> Settled | Wait:
        link = replace(link, guard=partial(self._links.require, held.work))
        for _ in range(MOST_ROUNDS):
            seen = await driver.observe(link)
            steps = driver.plan(link, seen)
            if not steps:
                self._changed({link.wish.left.provider, link.wish.right.provider})
                return Settled(seen)
            for _, alike in groupby(steps, key=attrgetter("action")):
                if (wait := await self._apply_all(held, driver, link, list(alike))) is not None:
                    return wait
                if link.ctype is held.work.ctype:
                    link = replace(link, details=dict(held.work.details))
        raise Transient(
            "the plan is not empty however often it is applied", code="not_converging", shared=True
        )

    async def _apply_all(
        self, held: InHand, driver: Driver[Any], link: Link, steps: Sequence[Step]
    ) -> Wait | None:
        """Apply neighbours of one action side by side; all of them end before any error counts."""
        slots = asyncio.Semaphore(SIDE_BY_SIDE)

        async def apply(step: Step) -> Done | Wait:
            async with slots:
                return await self._apply(held, driver, link, step)

        results = await asyncio.gather(*map(apply, steps), return_exceptions=True)
        for result in results:
            if isinstance(result, Done) and result.remember and link.ctype is held.work.ctype:
                await self._remember(held, result.remember)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return next((result for result in results if isinstance(result, Wait)), None)

    async def _apply(self, held: InHand, driver: Driver[Any], link: Link, step: Step) -> Done | Wait:
        labels = {"ctype": link.ctype.value, "action": step.action}
        link.guard()
        try:
            outcome = await driver.apply(link, step)
        except OneNetError as error:
            _steps.add(1, {**labels, "outcome": error.code})
            raise error.about(step.side) from error
        finally:
            held.late = held.late or not self._links.holds(held.work)
        if isinstance(outcome, Done):
            held.progressed()
            _steps.add(1, {**labels, "outcome": "done"})
            return outcome
        _steps.add(1, {**labels, "outcome": "wait"})
        return replace(outcome, side=step.side)

    async def _remember(self, held: InHand, details: Mapping[str, str]) -> None:
        """Save what a step wants to be known, for whatever generation comes.

        Raises:
            Superseded: this generation need not go on.
        """
        if not await self._links.remember(held.work, details):
            raise Superseded
        held.work = replace(held.work, details={**held.work.details, **details})

    async def _keep(self, held: InHand, work: Work, events: Sequence[Event]) -> None:
        """Save a link on the way and publish; it stays in hand.

        Raises:
            Superseded: nothing was saved.
        """
        if not await self._links.keep(work, self._messages(events)):
            raise Superseded
        held.work = work

    def _driver(self, ctype: CType) -> Driver[Any]:
        try:
            return self._drivers[ctype]
        except KeyError:
            raise Permanent(
                f"this provisioner has no driver for {ctype}", code="no_driver", shared=True
            ) from None

    async def _save(self, held: InHand, change: Change) -> None:
        pause = self._pause(change)
        due = None if pause is None else datetime.now(UTC) + timedelta(seconds=pause)
        tried, messages = spans.tried(change.work), self._messages(change.events)
        with tracing.database("UPDATE", "links"):
            saved = await self._links.save(tried, due, messages)
        if not saved:
            await self._let_go(held)
        _reconciled.add(1, {"phase": held.work.phase.value, "outcome": change.outcome})
        if pause is not None:
            self._wake_after(pause)

    async def _let_go(self, held: InHand) -> None:
        """Leave the link to whoever has it, or takes it next.

        A call that was on its way when the lease ended may have made what the other one had just
        removed. Nobody would look again at what has ended, so that is asked for.
        """
        await self._links.release(held.work)
        if held.late:
            log.warning("reconcile.late", connection=str(held.work.connection_id))
            await self._links.look_again(held.work)

    def _messages(self, events: Sequence[Event]) -> list[Message]:
        return [Message.of(outcomes.due_again(event, self._watch_interval)) for event in events]

    def _pause(self, change: Change) -> float | None:
        """Seconds until the link is due again; None when it is done with."""
        if change.work.phase is Phase.ENDED:
            return None
        if change.wait is not None:
            return change.wait
        if change.work.attempts:
            return full_jitter(change.work.attempts)
        return spread(self._watch_interval) if change.work.phase is Phase.WATCHED else 0.0


def _unforeseen(error: Exception) -> Transient:
    return Transient(f"an error that nobody foresaw: {error!r}", code="internal")
