"""How long to wait before trying again."""

from __future__ import annotations

import random

BASE_SECONDS = 0.5
LONGEST_SECONDS = 30.0
"""So that within a minute of a fault's end every link has been tried again."""


def full_jitter(attempt: int, *, base: float = BASE_SECONDS, longest: float = LONGEST_SECONDS) -> float:
    """Seconds before the next try: evenly spread between 0 and an exponential bound.

    Args:
        attempt: 1 after the first failure.

    The formula is "full jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter".
    """
    return random.uniform(0, min(longest, base * 2.0 ** min(attempt, 30)))


def spread(seconds: float) -> float:
    """An interval give or take a tenth, so that what began together does not stay together."""
    return seconds * random.uniform(0.9, 1.1)
