"""What a source is held to say goes down quickly, comes up slowly, and does not follow every sample."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_common.connection import Sample
from onenet_common.states import Health
from onenet_monitor.sources import (
    DOWN_AFTER,
    MOST_REASONS,
    REMEMBERED,
    UP_AFTER,
    Source,
    heard,
    settled,
    silence_after,
)
from tests.samples import NOW

"""Other work on the machine is no finding."""

WORDS = {"U": "UP", "G": "DEGRADED", "D": "DOWN"}
letters = st.text("UGD", min_size=1, max_size=40)


def sample(letter: str, second: float, **other: object) -> Sample:
    given = {"source": "control-plane", "health": WORDS[letter], "at": NOW + timedelta(seconds=second)}
    return Sample.model_validate(given | other)


def after(text: str) -> list[Source]:
    """The source after each of these samples, a second apart."""
    source, found = None, []
    for second, letter in enumerate(text):
        source = heard(source, sample(letter, second))
        assert source is not None
        found.append(source)
    return found


def told(text: str) -> str:
    """What the source is held to say after each of these samples."""
    return "".join(next(letter for letter in WORDS if WORDS[letter] == one.health) for one in after(text))


@pytest.mark.parametrize(
    ("samples", "held"),
    [
        ("D", "D"),
        ("UD", "UU"),
        ("UDD", "UUD"),
        ("UDG", "UUG"),
        ("UDGD", "UUGG"),
        ("UDGDD", "UUGGD"),
        ("UDDUUU", "UUDDDU"),
        ("DGGUU", "DDDGG"),
        ("UUUDDD", "UUUUDD"),
        ("UDUDUDUDUD", "UUUUUGGGGG"),
        ("DUDUDUDUDU", "DDDDDGGGGG"),
        ("DDUUUDDUUU", "DDDDUUDDDU"),
    ],
)
def test_down_takes_two_samples_up_three_and_by_turns_is_degraded(samples: str, held: str) -> None:
    assert told(samples) == held


@given(letters)
def test_one_sample_among_others_changes_nothing(text: str) -> None:
    steady = "U" * REMEMBERED + "D" + "U" * UP_AFTER
    assert set(told(steady)) == {"U"}
    held = told(text)
    for place in range(1, len(text)):
        if held[place] != held[place - 1]:
            agreeing = text[max(0, place - UP_AFTER + 1) : place + 1]
            assert len(agreeing) >= DOWN_AFTER


@given(st.sampled_from("UGD"), st.sampled_from("UGD"), letters)
def test_what_alternates_settles(one: str, other: str, before: str) -> None:
    held = told(before + (one + other) * REMEMBERED)[len(before) :]
    assert len(set(held[REMEMBERED:])) == 1
    if {one, other} == {"U", "D"}:
        assert held[-1] == "G"


@given(letters)
def test_what_is_kept_of_a_source_is_bounded(text: str) -> None:
    for source in after(text):
        assert len(source.recent) <= REMEMBERED
    many = heard(None, sample("D", 0, reasons=["x" * 5000] * 99, sides=["left"] * 99))
    assert many is not None
    assert (len(many.reasons), len(many.sides), len(many.reasons[0])) == (MOST_REASONS, MOST_REASONS, 300)


@given(letters, st.lists(st.tuples(st.sampled_from("UGD"), st.integers(-50, 0)), max_size=10))
def test_late_and_repeated_samples_change_nothing(text: str, late: list[tuple[str, int]]) -> None:
    last = after(text)[-1]
    for letter, back in late:
        assert heard(last, sample(letter, len(text) - 1 + back)) is None


def test_after_silence_the_first_sample_decides_alone() -> None:
    [source] = after("D")
    long = (source.silent_at - NOW).total_seconds()
    again = heard(source, sample("U", long))
    in_time = heard(source, sample("U", long - 1))
    assert again is not None
    assert in_time is not None
    assert (again.health, again.recent) == (Health.UP, (Health.UP,))
    assert in_time.health is Health.DOWN


@pytest.mark.parametrize(
    ("interval", "seconds"), [(None, 300), (1, 120), (60, 300), (600, 3000), (1e9, 86400)]
)
def test_a_source_says_itself_how_soon_it_is_missed(interval: float | None, seconds: float) -> None:
    assert silence_after(sample("U", 0, interval=interval)) == timedelta(seconds=seconds)


def test_why_it_is_down_is_told_until_it_is_up() -> None:
    down = heard(None, sample("D", 0, reasons=["no route"], sides=["left"]))
    recovering = heard(down, sample("U", 1))
    assert recovering is not None
    assert (recovering.health, recovering.reasons, recovering.sides) == (
        Health.DOWN,
        ("no route",),
        ("left",),
    )
    up = heard(heard(recovering, sample("U", 2)), sample("U", 3))
    assert up is not None
    assert (up.health, up.reasons) == (Health.UP, ())


def test_settled_holds_what_no_rule_changes() -> None:
    assert settled(Health.DOWN, [Health.DOWN, Health.UP]) is Health.DOWN
