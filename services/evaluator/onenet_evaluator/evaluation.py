"""Which ctype, and why: a pure function from a wish to a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from onenet_common.connection import Alternative, CType, Side, Wish
from onenet_evaluator.constraints import CHECKS, as_requested, not_refused
from onenet_evaluator.paths import Catalogue, Offer
from onenet_evaluator.scoring import score


@dataclass(frozen=True, slots=True)
class Decision:
    """The winner, or None with every reason; alternatives are ranked, the winner first."""

    ctype: CType | None
    alternatives: tuple[Alternative, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why nothing is feasible, each reason once, with the ctype that it rules out."""
        return self._reasons(lambda alternative: alternative.refusals)

    @property
    def told(self) -> dict[Side, tuple[str, ...]]:
        """The reasons as the owner of each side alone may read them."""
        return {side: self._reasons(partial(Alternative.refusals_told_to, side=side)) for side in Side}

    def _reasons(self, refusals: Callable[[Alternative], list[str]]) -> tuple[str, ...]:
        found = (
            f"{alternative.ctype}: {reason}"
            for alternative in self.alternatives
            for reason in refusals(alternative)
        )
        return tuple(dict.fromkeys(found))


def evaluate(wish: Wish, catalogue: Catalogue) -> Decision:
    """Check every ctype of the catalogue against the wish, and rank the feasible ones."""
    weighed = [_weigh(ctype, offer, wish, catalogue) for ctype, offer in catalogue.ctypes.items()]
    ranked = sorted(weighed, key=lambda alternative: (not alternative.feasible, -(alternative.score or 0)))
    best = ranked[0] if ranked and ranked[0].feasible else None
    return Decision(best.ctype if best else None, tuple(ranked))


def _weigh(ctype: CType, offer: Offer, wish: Wish, catalogue: Catalogue) -> Alternative:
    same_region = wish.left.region == wish.right.region
    constraints = (
        as_requested(ctype, wish),
        not_refused(ctype, wish),
        *(check(wish, offer) for check in CHECKS[ctype]),
    )
    feasible = all(constraint.satisfied for constraint in constraints)
    return Alternative(
        ctype=ctype,
        feasible=feasible,
        score=score(offer, wish.requirements, catalogue.weights, same_region=same_region)
        if feasible
        else None,
        monthly_cost_usd=offer.monthly_cost_usd(wish.requirements.monthly_gb, same_region=same_region),
        monthly_fixed_usd=offer.facts.price_fixed_monthly_usd.value,
        price_per_gb_usd=offer.price_per_gb(same_region=same_region).value,
        encrypted=bool(offer.encrypted(same_region=same_region).value),
        bandwidth_mbps=offer.bandwidth_mbps(same_region=same_region).value,
        constraints=constraints,
    )
