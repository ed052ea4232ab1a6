"""When a call may be repeated, and after how long. Pure but for the draw of the jitter."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

REPEATABLE = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
"""Reads, and changes: the client sends every one of them under an Idempotency-Key."""

TEMPORARY = frozenset({429, 502, 503, 504})

Outcome = httpx.Response | httpx.TransportError


@dataclass(frozen=True)
class Retry:
    """Full jitter: each pause is drawn evenly between zero and a bound that doubles.

    Args:
        attempts: calls in all, the first included.
        first: bound of the first pause, in seconds.
        longest: no pause of our own is longer, in seconds.
        patience: a longer Retry-After than this, in seconds, is not waited for.
        draw: a number from 0 up to 1.
    """

    attempts: int = 6
    first: float = 0.25
    longest: float = 8.0
    patience: float = 60.0
    draw: Callable[[], float] = secrets.SystemRandom().random

    def pause(self, method: str, outcome: Outcome, made: int) -> float | None:
        """Seconds to wait before the call is made again; None when it must not be.

        Args:
            made: calls made so far.
        """
        if made >= self.attempts or not worth_repeating(method, outcome):
            return None
        jitter = self.draw() * min(self.longest, self.first * 2.0 ** (made - 1))
        asked = retry_after(outcome) if isinstance(outcome, httpx.Response) else None
        if asked is None:
            return jitter
        return asked + jitter if asked <= self.patience else None


def worth_repeating(method: str, outcome: Outcome) -> bool:
    """Whether another try may help and cannot do the same thing twice."""
    if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
        return True  # it never left, whatever it was
    if method not in REPEATABLE:
        return False
    return not isinstance(outcome, httpx.Response) or outcome.status_code in TEMPORARY


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asked to wait (RFC 9110, 10.2.3); None when it did not."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
