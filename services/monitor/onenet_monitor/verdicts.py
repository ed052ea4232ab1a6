"""From samples to a verdict that does not flap. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from onenet_common.events import ConnectionHealthChanged, HealthSampled
from onenet_common.states import Health

CONFIRMATIONS = 2
"""Samples in a row that must agree before a verdict changes; the very first decides alone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is held true of a connection, and what the last samples suggest instead.

    Args:
        streak: how many samples in a row suggested ``candidate``.
        since: when ``health`` became the verdict.
    """

    generation: int
    health: Health
    candidate: Health
    streak: int
    reasons: tuple[str, ...]
    since: datetime
    sampled_at: datetime


def judge(verdict: Verdict | None, sampled: HealthSampled) -> Verdict | None:
    """The verdict after one more sample.

    Returns:
        None when the sample is history: of an older generation, or taken before the last one.
    """
    sample = sampled.sample
    health = Health(sample.health)
    if verdict is None:
        return Verdict(sampled.generation, health, health, 1, sample.reasons, sample.at, sample.at)
    if sampled.generation < verdict.generation or sample.at <= verdict.sampled_at:
        return None
    streak = verdict.streak + 1 if health is verdict.candidate else 1
    seen = replace(
        verdict, generation=sampled.generation, candidate=health, streak=streak, sampled_at=sample.at
    )
    if health is verdict.health:
        return replace(seen, reasons=sample.reasons)
    if streak < CONFIRMATIONS:
        return seen
    return replace(seen, health=health, reasons=sample.reasons, since=sample.at)


def published(change: ConnectionHealthChanged) -> Verdict:
    """The verdict that was published with this change, as it was then."""
    streak = 1 if change.previous is Health.UNKNOWN else CONFIRMATIONS
    return Verdict(
        change.generation, change.health, change.health, streak, change.reasons, change.at, change.at
    )
