"""Faults on demand: what goes wrong with which call, how often and for how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field

from onenet_local.cloud.calls import Call


class Kind(StrEnum):
    """``lose_answer`` carries the call out and then drops the connection without a word."""

    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    DELAY = "delay"
    HANG = "hang"
    LOSE_ANSWER = "lose_answer"


class Fault(BaseModel):
    """One rule. A field that is left out matches every call.

    Args:
        skip: matching calls that pass before the first fault.
        count: faults at most; None for no end.
        probability: of each matching call after the skipped ones.
        seconds: of a delay (then carried out) or a hang (then dropped, never carried out).
        ttl: seconds after which the rule is gone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    service: str | None = None
    operation: str | None = None
    account: str | None = None
    region: str | None = None
    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seconds: float = Field(default=1.0, ge=0)
    ttl: float | None = Field(default=None, gt=0)

    def matches(self, call: Call) -> bool:
        return all(
            wanted is None or wanted == actual
            for wanted, actual in (
                (self.service, call.service),
                (self.operation, call.operation),
                (self.account, call.account),
                (self.region, call.region),
            )
        )


@dataclass
class _Armed:
    fault: Fault
    until: float
    seen: int = 0
    done: int = 0


@dataclass
class Faults:
    """The rules in force, tried in the order in which they came.

    The dice are seeded with each set of rules, so that a run can be repeated.
    """

    clock: Callable[[], float] = time.monotonic
    _armed: list[_Armed] = field(default_factory=list)
    _dice: random.Random = field(default_factory=lambda: random.Random(0))
    _lock: Lock = field(default_factory=Lock)

    def arm(self, faults: list[Fault], seed: int = 0) -> None:
        """Add rules to those in force."""
        now = self.clock()
        with self._lock:
            self._dice.seed(seed)
            self._armed += [_Armed(fault, now + (fault.ttl or float("inf"))) for fault in faults]

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call meets, if any; counts it."""
        if not self._armed:
            return None
        now = self.clock()
        with self._lock:
            self._armed = [armed for armed in self._armed if armed.until > now]
            return next((armed.fault for armed in self._armed if self._strikes(armed, call)), None)

    def report(self) -> list[dict[str, object]]:
        """Each rule with how many calls it matched and how many it struck."""
        with self._lock:
            return [
                {**armed.fault.model_dump(mode="json"), "matched": armed.seen, "struck": armed.done}
                for armed in self._armed
            ]

    def _strikes(self, armed: _Armed, call: Call) -> bool:
        fault = armed.fault
        if not fault.matches(call):
            return False
        armed.seen += 1
        if armed.seen <= fault.skip or (fault.count is not None and armed.done >= fault.count):
            return False
        if fault.probability < 1 and self._dice.random() >= fault.probability:
            return False
        armed.done += 1
        return True
