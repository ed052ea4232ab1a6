"""Drives a driver as the reconciler does, with crashes where a test wants them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from onenet_common.connection import CType, Step
from onenet_common.errors import Transient
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.driver import Done, Driver, Link, Observed, Outcome

ROUNDS = 60
"""Observations after which a plan that is still not empty never will be."""

LONGEST_WAIT = 0.02


@dataclass(slots=True)
class Run:
    """What happened on the way.

    Args:
        link: with all that the steps asked to be remembered.
        done: the steps that took effect, in order.
        errors: the transient errors that were met and survived.
        seen: the last observation.
    """

    link: Link
    done: list[Step] = field(default_factory=list)
    errors: list[Transient] = field(default_factory=list)
    seen: Observed = field(default_factory=Observed)


async def drive(driver: Driver[Any], link: Link, *, crash_after: int | None = None) -> Run:
    """Observe, plan and apply until the plan is empty.

    Args:
        crash_after: steps that take effect before the driver is let down for good.

    Raises:
        Permanent: as the driver does.
        AssertionError: the plan never got empty.
    """
    run = Run(link)
    for _ in range(ROUNDS):
        try:
            run.seen = await driver.observe(run.link)
            plan = driver.plan(run.link, run.seen)
            if not plan or await _apply(driver, run, plan, crash_after):
                return run
        except Transient as error:
            run.errors.append(error)
    raise AssertionError(f"still not as desired after {ROUNDS} rounds: {plan}")


async def _apply(driver: Driver[Any], run: Run, plan: list[Step], crash_after: int | None) -> bool:
    """Apply what can be applied now; whether the crash came."""
    for step in plan:
        if len(run.done) == crash_after:
            return True
        outcome = await driver.apply(run.link, step)
        if not isinstance(outcome, Done):
            await asyncio.sleep(min(outcome.seconds, LONGEST_WAIT))
            return False
        run.done.append(step)
        run.link = replace(run.link, details={**run.link.details, **outcome.remember})
    return False


class Stuttering:
    """Applies every step a second time, as one does who did not hear the first answer."""

    ctype: ClassVar[CType] = CType.AWS_PEERING

    def __init__(self, driver: Driver[Any]) -> None:
        self._driver = driver

    async def observe(self, link: Link) -> Observed:
        seen: Observed = await self._driver.observe(link)
        return seen

    def plan(self, link: Link, seen: Observed) -> list[Step]:
        return self._driver.plan(link, seen)

    async def apply(self, link: Link, step: Step) -> Outcome:
        outcome = await self._driver.apply(link, step)
        if isinstance(outcome, Done):
            await self._driver.apply(replace(link, details={**link.details, **outcome.remember}), step)
        return outcome


def deleted(link: Link) -> Link:
    return replace(link, desired=DesiredState.DELETED)
