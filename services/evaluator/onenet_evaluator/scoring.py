"""How good a feasible path is for one request: 0 to 100."""

from __future__ import annotations

from onenet_common.connection import Requirements
from onenet_evaluator.paths import Offer, Weights

COST_SCALE_USD = 100.0
"""The monthly cost at which a path is worth half of a free one."""

UNENCRYPTED = 0.5
"""What an unencrypted path is worth to somebody who does not insist."""


def score(offer: Offer, requirements: Requirements, weights: Weights, *, same_region: bool) -> float:
    """Weigh the wishes: each is worth 0 to 1, and all together 100."""
    cost = offer.monthly_cost_usd(requirements.monthly_gb, same_region=same_region)
    bandwidth = offer.bandwidth_mbps(same_region=same_region).value
    latency = offer.facts.added_latency_ms.value
    worth = (
        weights.cost / (1 + cost / COST_SCALE_USD),
        weights.bandwidth * _at_most_one(bandwidth, requirements.bandwidth_mbps),
        weights.latency * _at_most_one(requirements.latency_ms, latency),
        weights.encryption * (1.0 if offer.encrypted(same_region=same_region).value else UNENCRYPTED),
    )
    return round(100 * sum(worth), 1)


def _at_most_one(have: float | None, against: float | None) -> float:
    return min(1.0, have / against) if have and against else 1.0
