from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_client.retry import Outcome, Retry, retry_after


def busy(status: int = 503, wait: str = "") -> httpx.Response:
    return httpx.Response(status, headers=[(b"Retry-After", wait.encode())])


LOST = httpx.ReadError("gone")
NEVER_SENT = httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("method", "outcome", "again"),
    [
        ("GET", LOST, True),
        ("POST", LOST, True),
        ("PATCH", LOST, True),
        ("DELETE", LOST, True),
        ("PATCH", NEVER_SENT, True),
        ("DELETE", NEVER_SENT, True),
        ("GET", busy(503), True),
        ("POST", busy(429), True),
        ("PATCH", busy(503), True),
        ("GET", busy(500), False),
        ("GET", busy(404), False),
        ("GET", busy(200), False),
    ],
)
def test_only_what_cannot_happen_twice_is_repeated(method: str, outcome: Outcome, again: bool) -> None:
    assert (Retry().pause(method, outcome, made=1) is not None) is again


@given(made=st.integers(1, 60), drawn=st.floats(0, 1, exclude_max=True))
def test_pauses_are_jittered_from_zero_and_bounded(made: int, drawn: float) -> None:
    retry = Retry(attempts=100, first=0.25, longest=8.0, draw=lambda: drawn)
    pause = retry.pause("GET", LOST, made)
    assert pause == drawn * min(8.0, 0.25 * 2 ** (made - 1))


def test_attempts_are_counted() -> None:
    assert Retry(attempts=3).pause("GET", LOST, made=2) is not None
    assert Retry(attempts=3).pause("GET", LOST, made=3) is None


def test_the_server_says_how_long_to_wait() -> None:
    retry = Retry(draw=lambda: 0.0, patience=10)
    assert retry.pause("GET", busy(wait="7"), made=1) == 7
    assert retry.pause("GET", busy(wait="11"), made=1) is None


def test_retry_after_is_seconds_or_a_date() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert retry_after(busy(wait=past)) == 0
    assert 3000 < (retry_after(busy(wait=soon)) or 0) <= 3600
    for nonsense in ("", "soon", "-1", "1.5", "²"):
        assert retry_after(busy(wait=nonsense)) is None
