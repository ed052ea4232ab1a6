"""When a delivery is tried again, and when its webhook is given up. Pure."""

from __future__ import annotations

from enum import StrEnum

from onenet_api.webhooks.sending import Sent

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 3600.0
GONE = 410


class Outcome(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    GAVE_UP = "gave_up"


def outcome(sent: Sent, *, tried_for: float, patience: float) -> Outcome:
    """What an attempt means for its delivery.

    Args:
        tried_for: seconds since the delivery's first attempt.
        patience: seconds for which a delivery is tried.
    """
    if sent.delivered:
        return Outcome.DELIVERED
    if sent.status == GONE:
        return Outcome.GONE
    return Outcome.GAVE_UP if tried_for >= patience else Outcome.FAILED


def pause(attempts: int, retry_after: float | None, draw: float) -> float:
    """Seconds until the next attempt: doubling, half of it jitter, and never less than the receiver asks.

    Args:
        attempts: made so far.
        draw: a random number from 0 to 1.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 30))
    return max(longest * (0.5 + draw / 2), min(retry_after or 0.0, LONGEST_PAUSE))
