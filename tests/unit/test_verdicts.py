"""Many sources become one verdict that does not flap, and time is judged alike however often one looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from onenet_common.connection import Sample
from onenet_common.events import HealthSampled
from onenet_common.states import Health
from onenet_monitor.periods import periods
from onenet_monitor.verdicts import HOLD, MOST_SOURCES, Verdict, advance, take
from tests.samples import NOW

"""Other work on the machine is no finding."""

ID = UUID(int=1)
UNKNOWN, UP, DEGRADED, DOWN = Health.UNKNOWN, Health.UP, Health.DEGRADED, Health.DOWN
Given = tuple[str, str, int]
"""Source, health, and seconds since the one before."""

steps = st.tuples(
    st.sampled_from(["control-plane", "provider", "flows"]),
    st.sampled_from(["UP", "DEGRADED", "DOWN"]),
    st.integers(0, 200),
)
sequences = st.lists(steps, min_size=1, max_size=40)


def at(second: float) -> datetime:
    return NOW + timedelta(seconds=second)


def sampled(source: str, health: str, second: float, generation: int = 1) -> HealthSampled:
    sample = Sample(source=source, health=health, at=at(second))
    return HealthSampled(connection_id=ID, generation=generation, sample=sample)


def timed(given: Iterable[Given]) -> list[HealthSampled]:
    second, events = 0, []
    for source, health, pause in given:
        second += pause
        events.append(sampled(source, health, second))
    return events


def all_verdicts(events: Iterable[HealthSampled]) -> list[Verdict]:
    found: list[Verdict] = []
    for event in events:
        found += take(found[-1] if found else None, event)
    return found


def changes(verdicts: Sequence[Verdict]) -> list[tuple[Health, datetime]]:
    """Each health that became the verdict, and when."""
    found: list[tuple[Health, datetime]] = []
    for verdict in verdicts:
        if not found or found[-1][0] is not verdict.health:
            found.append((verdict.health, verdict.since))
    return found


def every_minute(source: str, letters: str, start: int = 0) -> list[HealthSampled]:
    words = {"U": "UP", "G": "DEGRADED", "D": "DOWN"}
    return [sampled(source, words[letter], start + 60 * place) for place, letter in enumerate(letters)]


@given(sequences)
def test_a_verdict_that_replaced_another_stands_for_the_hold_time(given: list[Given]) -> None:
    found = changes(all_verdicts(timed(given)))
    for (before, _), (first, since), (second, until) in zip(found, found[1:], found[2:], strict=False):
        if UNKNOWN not in (before, first, second):
            assert until - since >= HOLD


@given(sequences)
def test_changes_within_any_hold_time_are_few(given: list[Given]) -> None:
    times = [since for _, since in changes(all_verdicts(timed(given)))]
    for since in times:
        assert sum(since <= one < since + HOLD for one in times) <= 4


@given(st.lists(steps, min_size=1, max_size=30), st.lists(st.integers(0, 8000), max_size=20))
def test_how_often_one_looks_makes_no_difference(given: list[Given], looks: list[int]) -> None:
    events = timed(given)
    end = at(10_000)
    seldom = all_verdicts(events)
    seldom += advance(seldom[-1], end)
    often: list[Verdict] = []
    moments = sorted(
        [*((event.sample.at, 1, event) for event in events), *((at(one), 0, None) for one in looks)],
        key=lambda moment: moment[:2],
    )
    for moment, _, event in moments:
        last = often[-1] if often else None
        if event is not None:
            often += take(last, event)
        elif last is not None:
            often += advance(last, moment)
    often += advance(often[-1], end)
    assert often == seldom


@given(sequences, st.data())
def test_late_and_repeated_samples_change_nothing(given: list[Given], data: st.DataObject) -> None:
    events = timed(given)
    again = [*events]
    for _ in range(5):
        place = data.draw(st.integers(1, len(again)))
        again.insert(place, data.draw(st.sampled_from(again[:place])))
    late = [event for place, event in enumerate(again) if event in again[:place]]
    assert all(take(all_verdicts(again[: again.index(event) + 1])[-1], event) == () for event in late)
    assert all_verdicts(again) == all_verdicts(events)


@given(sequences, sequences)
def test_samples_of_one_source_may_come_in_any_order_but_count_as_the_latest_say(
    given: list[Given], other: list[Given]
) -> None:
    events = timed([("control-plane", health, pause + 1) for _, health, pause in given])
    latest = events[-1]
    shuffled = sorted(events, key=lambda event: str(event))
    last = all_verdicts(shuffled)[-1].sources["control-plane"]
    assert last.at == latest.sample.at
    assert last.recent[-1] == latest.sample.health


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["UP", "DOWN"])), max_size=80))
def test_what_is_kept_of_a_connection_is_bounded(given: list[tuple[int, str]]) -> None:
    events = [sampled(f"source-{name}", health, second) for second, (name, health) in enumerate(given)]
    assert all(len(verdict.sources) <= MOST_SOURCES for verdict in all_verdicts(events))


@given(sequences)
def test_nothing_is_known_without_somebody_who_was_heard(given: list[Given]) -> None:
    last = all_verdicts(timed(given))[-1]
    silent = max(source.silent_at for source in last.sources.values())
    assert last.known_until in (silent, None)
    passed = advance(last, silent)
    assert (passed[-1] if passed else last).health is UNKNOWN


@given(sequences)
def test_periods_follow_one_another_without_a_gap(given: list[Given]) -> None:
    verdicts = all_verdicts(timed(given))
    begun = [v for place, v in enumerate(verdicts) if not place or v.health is not verdicts[place - 1].health]
    found = periods(begun)
    assert found[0].since == verdicts[0].since
    assert found[-1].until is None
    assert all(one.until == following.since for one, following in pairwise(found))


def test_a_source_that_alternates_is_degraded_once_and_for_all() -> None:
    found = changes(all_verdicts(every_minute("control-plane", "UD" * 60)))
    assert [health for health, _ in found] == [UP, DEGRADED]


def test_bursts_of_bad_samples_change_the_verdict_at_most_once_in_a_hold_time() -> None:
    seconds = 1200
    bursts = [sampled("provider", "DOWN" if one // 5 % 2 else "UP", one) for one in range(seconds)]
    assert len(changes(all_verdicts(bursts))) <= seconds / HOLD.total_seconds() + 2


def test_the_worst_that_can_be_heard_is_the_verdict_and_says_which_and_since_when() -> None:
    events = [*every_minute("control-plane", "UUU"), *every_minute("flows", "UUGG")]
    events.sort(key=lambda event: event.sample.at)
    last = all_verdicts(events)[-1]
    assert (last.health, last.since) == (DEGRADED, at(180))
    assert last.reasons == (f"flows: DEGRADED since {at(180):%Y-%m-%dT%H:%M:%SZ}",)


def test_an_old_up_is_held_by_nobody() -> None:
    [up] = all_verdicts([sampled("control-plane", "UP", 0)])
    [silent] = advance(up, at(10_000))
    assert (silent.health, silent.since) == (UNKNOWN, at(300))
    assert silent.reasons == (f"control-plane: nothing heard since {NOW:%Y-%m-%dT%H:%M:%SZ}",)
    assert advance(up, at(299)) == ()


def test_what_passes_packets_is_up_though_the_watchdog_is_silent_and_says_so() -> None:
    events = [sampled("control-plane", "UP", 0), *every_minute("flows", "UUUUUUUU", start=1)]
    last = all_verdicts(events)[-1]
    assert last.health is UP
    assert last.reasons == (f"control-plane: nothing heard since {NOW:%Y-%m-%dT%H:%M:%SZ}",)


def test_a_change_that_is_held_back_comes_by_itself_when_the_hold_ends() -> None:
    events = [
        sampled("control-plane", health, second)
        for second, health in enumerate(["UP", "DOWN", "DOWN", "UP", "UP", "UP"])
    ]
    verdicts = all_verdicts(events)
    assert [health for health, _ in changes(verdicts)] == [UP, DOWN]
    assert verdicts[-1].due_at == at(2) + HOLD
    [up] = advance(verdicts[-1], at(200))
    assert (up.health, up.since) == (UP, at(2) + HOLD)


def test_a_sample_of_an_older_generation_is_history() -> None:
    [newer] = take(None, sampled("control-plane", "UP", 0, generation=2))
    assert take(newer, sampled("control-plane", "DOWN", 1, generation=1)) == ()
    [newest] = take(newer, sampled("control-plane", "UP", 1, generation=3))
    assert newest.generation == 3
