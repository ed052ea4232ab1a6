"""Traffic that stopped is told from traffic that comes late, and from none that could be missed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_monitor.silence import LATE, MINUTE, Carrying, Stopped, sampled, silence
from tests.samples import NOW

"""Other work on the machine is no finding."""

Minutes = dict[datetime, int]


def minutes(first: int, last: int, flows: int = 3) -> Minutes:
    """Traffic in each minute from so many minutes ago to so many minutes ago, both included."""
    return {NOW - MINUTE * back: flows for back in range(last, first + 1)}


def ago(first: int, last: int) -> Collection[datetime]:
    return list(minutes(first, last))


def test_steady_traffic_that_stopped_while_others_went_on_is_silence() -> None:
    found = silence(minutes(80, 16), ago(80, 11), NOW)
    assert found == Stopped(NOW - 16 * MINUTE, 5)
    sample = sampled(found, NOW)
    assert (sample.source, sample.health, sample.sides) == ("flows", "DEGRADED", ("both",))
    assert sample.reasons[0].startswith("no traffic since 2026-11-22T11:44Z")


@pytest.mark.parametrize(
    ("carried", "others", "expected"),
    [
        pytest.param(minutes(80, 0), ago(80, 0), Carrying(), id="it goes on"),
        pytest.param(minutes(80, 15), ago(80, 0), Carrying(), id="four whole minutes are not five"),
        pytest.param(minutes(80, 10), ago(80, 0), Carrying(), id="all that is missing may come late"),
        pytest.param(minutes(90, 20), ago(90, 20), None, id="the exporter itself delivers nothing"),
        pytest.param(minutes(90, 20), ago(14, 11), None, id="the exporter delivered four minutes since"),
        pytest.param(minutes(90, 20), ago(10, 0), None, id="others are seen in young minutes alone"),
        pytest.param(minutes(40, 20), ago(90, 0), None, id="it has not carried for an hour"),
        pytest.param({**minutes(80, 20), **minutes(3, 3)}, ago(90, 0), None, id="it has just begun again"),
        pytest.param(minutes(90, 20, flows=0), ago(90, 0), None, id="minutes without flows are none"),
        pytest.param({}, ago(90, 0), None, id="it never carried any"),
    ],
)
def test_nothing_else_is(carried: Minutes, others: Collection[datetime], expected: Carrying | None) -> None:
    assert silence(carried, list(others), NOW) == expected


@pytest.mark.parametrize(("missing", "steady"), [(3, True), (4, False)])
def test_steady_is_traffic_in_95_of_100_minutes(missing: int, steady: bool) -> None:
    carried = minutes(75, 16)
    for back in range(30, 30 + missing):
        del carried[NOW - MINUTE * back]
    assert (silence(carried, list(ago(80, 0)), NOW) is not None) is steady


@given(st.integers(0, 10), st.integers(0, 59))
def test_delivery_that_is_late_by_ten_minutes_never_looks_like_silence(late: int, second: int) -> None:
    now = NOW + timedelta(seconds=second)
    assert timedelta(minutes=late) <= LATE
    assert silence(minutes(90, late), list(ago(90, 0)), now) == Carrying()


@given(
    st.dictionaries(st.integers(0, 180), st.integers(0, 3)), st.sets(st.integers(0, 180)), st.integers(0, 30)
)
def test_more_traffic_never_makes_silence_longer(flows: dict[int, int], others: set[int], more: int) -> None:
    carried = {NOW - MINUTE * back: count for back, count in flows.items()}
    seen = [NOW - MINUTE * back for back in others]
    before = silence(carried, seen, NOW)
    after = silence({**carried, NOW - MINUTE * more: 1}, seen, NOW)
    if isinstance(before, Stopped) and isinstance(after, Stopped):
        assert after.minutes <= before.minutes
