"""Health is judged without flapping, and by what is new alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from onenet_common.events import HealthSampled
from onenet_common.states import Health
from onenet_monitor.verdicts import CONFIRMATIONS, Verdict, judge
from tests.samples import NOW, sampled

ID = UUID(int=1)
healths = st.lists(st.sampled_from(["UP", "DEGRADED", "DOWN"]), max_size=40)


def sample(health: str, second: int, generation: int = 1) -> HealthSampled:
    event = sampled(ID, health, NOW + timedelta(seconds=second), generation).event
    assert isinstance(event, HealthSampled)
    return event


def verdicts(samples: list[str]) -> list[Verdict]:
    verdict, found = None, []
    for second, health in enumerate(samples):
        verdict = judge(verdict, sample(health, second)) or verdict
        assert verdict is not None
        found.append(verdict)
    return found


@given(healths)
def test_a_verdict_changes_at_most_once_in_so_many_samples_as_confirm_it(samples: list[str]) -> None:
    runs = [len(list(run)) for _, run in groupby(verdict.health for verdict in verdicts(samples))]
    assert all(length >= CONFIRMATIONS for length in runs[1:-1])


@given(healths)
def test_a_verdict_is_the_last_health_that_was_confirmed(samples: list[str]) -> None:
    expected = None
    for position, health in enumerate(samples):
        agreeing = samples[max(0, position - CONFIRMATIONS + 1) : position + 1]
        if expected is None or (len(agreeing) == CONFIRMATIONS and set(agreeing) == {health}):
            expected = health
        assert verdicts(samples)[position].health == expected


def test_the_first_sample_decides_alone() -> None:
    first = judge(None, sample("DOWN", 0))
    assert first is not None
    assert (first.health, first.reasons, first.since) == (Health.DOWN, ("it is DOWN",), NOW)


def test_a_stray_sample_changes_neither_health_nor_reasons() -> None:
    [_, stray, _] = verdicts(["UP", "DOWN", "UP"])
    assert (stray.health, stray.reasons, stray.since) == (Health.UP, ("it is UP",), NOW)


def test_a_confirmed_change_tells_since_when_and_why() -> None:
    last = verdicts(["UP", "DOWN", "DOWN"])[-1]
    assert (last.health, last.reasons) == (Health.DOWN, ("it is DOWN",))
    assert last.since == NOW + timedelta(seconds=2)


def test_a_sample_that_is_late_or_repeated_is_history() -> None:
    last = verdicts(["UP", "UP"])[-1]
    assert judge(last, sample("DOWN", 0)) is None
    assert judge(last, sample("DOWN", 1)) is None


def test_a_sample_of_an_older_generation_is_history() -> None:
    newer = judge(None, sample("UP", 0, generation=2))
    assert judge(newer, sample("DOWN", 1, generation=1)) is None
    assert judge(newer, sample("DOWN", 1, generation=3)) is not None
