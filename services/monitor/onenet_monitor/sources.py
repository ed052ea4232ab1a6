"""What one source says of a connection, by its latest samples. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from onenet_common.connection import Sample
from onenet_common.states import Health

DOWN_AFTER = 2
"""Samples in a row that must be worse before a source is held to say so."""
UP_AFTER = 3
"""Samples in a row that must be better before a source is held to say so."""
REMEMBERED = 6
"""Latest samples that are kept; when half of them are bad by turns, the source says DEGRADED."""

INTERVALS = 5
"""So many intervals without a sample make a source silent."""
USUAL_INTERVAL = 60.0
SHORTEST_SILENCE = timedelta(seconds=120)
LONGEST_SILENCE = timedelta(days=1)

MOST_REASONS = 5
LONGEST_REASON = 300

SEVERITY = {Health.UP: 0, Health.DEGRADED: 1, Health.DOWN: 2}


@dataclass(frozen=True, slots=True)
class Source:
    """What a source is held to say, and its latest sample.

    Args:
        health, since: what it is held to say, from the sample on that confirmed it.
        recent: the healths of its latest samples, the last one last.
        reasons, sides: of the latest sample that had any, while ``health`` is not UP.
        at: when the latest sample was taken.
        silent_at: when it is silent unless it is heard before.
    """

    health: Health
    since: datetime
    recent: tuple[Health, ...]
    reasons: tuple[str, ...]
    sides: tuple[str, ...]
    at: datetime
    silent_at: datetime


def heard(source: Source | None, sample: Sample) -> Source | None:
    """The source after one more sample; a first one, or one after silence, decides alone.

    Returns:
        None when the sample is history: not taken after the latest one.
    """
    if source is not None and sample.at <= source.at:
        return None
    health, silent_at = Health(sample.health), sample.at + silence_after(sample)
    reasons = tuple(reason[:LONGEST_REASON] for reason in sample.reasons[:MOST_REASONS])
    sides: tuple[str, ...] = sample.sides[:MOST_REASONS]
    if source is None or sample.at >= source.silent_at:
        return Source(health, sample.at, (health,), reasons, sides, sample.at, silent_at)
    recent = (*source.recent, health)[-REMEMBERED:]
    held = settled(source.health, recent)
    since = source.since if held is source.health else sample.at
    if health is Health.UP and held is not Health.UP:
        reasons, sides = source.reasons, source.sides
    return replace(
        source,
        health=held,
        since=since,
        recent=recent,
        reasons=reasons,
        sides=sides,
        at=sample.at,
        silent_at=silent_at,
    )


def settled(held: Health, recent: Sequence[Health]) -> Health:
    """What samples amount to, given what they were held to say: quick to go down, slow to come up.

    Args:
        recent: the healths of the latest samples, the last one last.
    """
    mildest = min(recent[-DOWN_AFTER:], key=SEVERITY.__getitem__)
    if len(recent) >= DOWN_AFTER and SEVERITY[mildest] > SEVERITY[held]:
        return mildest
    worst = max(recent[-UP_AFTER:], key=SEVERITY.__getitem__)
    if len(recent) >= UP_AFTER and SEVERITY[worst] < SEVERITY[held]:
        return worst
    return Health.DEGRADED if _by_turns(recent) else held


def silence_after(sample: Sample) -> timedelta:
    """How long nothing may be heard after a sample until its source counts as silent."""
    seconds = INTERVALS * min(sample.interval or USUAL_INTERVAL, LONGEST_SILENCE.total_seconds())
    return min(max(timedelta(seconds=seconds), SHORTEST_SILENCE), LONGEST_SILENCE)


def _by_turns(recent: Sequence[Health]) -> bool:
    good = [health is Health.UP for health in recent]
    turns = sum(one is not following for one, following in pairwise(good))
    return len(good) == REMEMBERED and good.count(True) * 2 == REMEMBERED and turns >= REMEMBERED - 2
