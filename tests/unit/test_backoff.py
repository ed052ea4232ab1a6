"""Pauses grow to a bound and are spread over all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_provisioner.backoff import BASE_SECONDS, LONGEST_SECONDS, full_jitter, spread


@given(st.integers(1, 10_000), st.floats(0.001, 10), st.floats(0.001, 1000))
def test_a_pause_is_between_nothing_and_the_bound(attempt: int, base: float, longest: float) -> None:
    assert (
        0 <= full_jitter(attempt, base=base, longest=longest) <= min(longest, base * 2.0 ** min(attempt, 30))
    )


def test_pauses_use_the_whole_of_their_bound() -> None:
    pauses = [full_jitter(3) for _ in range(500)]
    bound = BASE_SECONDS * 2**3
    assert min(pauses) < bound * 0.1
    assert max(pauses) > bound * 0.9


def test_many_attempts_reach_the_longest_pause() -> None:
    assert max(full_jitter(50) for _ in range(500)) > LONGEST_SECONDS * 0.9


@pytest.mark.parametrize("seconds", [0.1, 60.0])
def test_an_interval_is_spread_by_a_tenth(seconds: float) -> None:
    spreads = [spread(seconds) for _ in range(200)]
    assert all(seconds * 0.9 <= one <= seconds * 1.1 for one in spreads)
    assert len(set(spreads)) > 100
