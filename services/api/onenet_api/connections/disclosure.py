"""What the owners of one side may see of a connection: the one rule for everything that shows one. Pure.

Once both sides have agreed, or it was established, each owner sees the other side's addresses, account and
network, which the consent is about, and what belongs to both, such as the peering between them. What stays
with the owner of an account is what else is in it, and what its provider says of it:

- of a step: that it is done on that side, and no more. How OneNet carries a step out, its arguments, is shown
  to nobody who owns one side alone, since they may name objects of both.
- of the details: what ends in the side's name, such as ``flow_log_right``.
- of a reason: the words that quote the account.

Who owns both sides sees all. So do administrators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onenet_api.connections.model import Flag
from onenet_common.connection import ELSEWHERE, Alternative, Side, Step, told_to

QUOTING = frozenset({"drifted", "change_failed", "resource_changed"})
"""Flags that quote an account or its addresses: without a word on who may read them, no single side may."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Args: sides: those whose owner somebody is, at least one."""

    sides: frozenset[Side]

    @property
    def whole(self) -> bool:
        return len(self.sides) == len(Side)

    def steps(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        return tuple(steps) if self.whole else tuple(map(self._step, steps))

    def details(self, details: Mapping[str, str]) -> dict[str, str]:
        hidden = tuple(f"_{side}" for side in Side if side not in self.sides)
        return {name: value for name, value in details.items() if not name.endswith(hidden)}

    def reason(self, reason: str, told: Mapping[Side, str]) -> str:
        """Args: told: by side, what its owner alone may read; a side that is missing may read nothing."""
        return reason if self.whole else "; ".join(told_to(side, told) for side in self.sides)

    def reasons(self, reasons: tuple[str, ...], told: Mapping[Side, tuple[str, ...]]) -> tuple[str, ...]:
        """Args: told: as for ``reason``."""
        if self.whole or not reasons:
            return reasons
        return tuple(one for side in self.sides for one in told.get(side, (ELSEWHERE,)))

    def evaluation(self, alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
        return tuple(map(self._alternative, alternatives))

    def flags(self, flags: Iterable[Flag]) -> tuple[Flag, ...]:
        return tuple(map(self._flag, flags))

    def _step(self, step: Step) -> Step:
        if step.side in self.sides:
            return step.model_copy(update={"arguments": {}})
        return Step(action=step.action, side=step.side, target="")

    def _alternative(self, alternative: Alternative) -> Alternative:
        told = [
            one.model_copy(update={"reason": self.reason(one.reason, one.told), "told": None})
            if one.told is not None
            else one
            for one in alternative.constraints
        ]
        return alternative.model_copy(update={"constraints": tuple(told)})

    def _flag(self, flag: Flag) -> Flag:
        if flag.told is None and flag.code not in QUOTING:
            return flag
        return flag.model_copy(update={"message": self.reason(flag.message, flag.told or {}), "told": None})
