"""One verdict from what all sources say of a connection. Pure.

The worst of what sources say that can be heard is the verdict; with none to be heard it is UNKNOWN. A
verdict that replaced another stands for ``HOLD`` at least, unless all fall silent. Time enters by the
samples' own times and by ``advance``: whether that is called often or seldom, the verdicts and the times
at which they changed are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from onenet_common.connection import Sample
from onenet_common.events import ConnectionHealthChanged, HealthSampled
from onenet_common.states import Health
from onenet_monitor.sources import SEVERITY, Source, heard

HOLD = timedelta(seconds=120)
MOST_SOURCES = 8
FORGOTTEN_AFTER = timedelta(days=1)
"""Since the last sample of a source, when others are heard."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is held true of a connection, and what it follows from.

    Args:
        since: when ``health`` became the verdict.
        judged_at: up to when what sources say is in it.
        held_until: it is not replaced before, because it has replaced another.
    """

    generation: int
    health: Health
    since: datetime
    reasons: tuple[str, ...]
    judged_at: datetime
    held_until: datetime | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)

    @property
    def due_at(self) -> datetime | None:
        """When it may change without another sample; None when it cannot."""
        due = [source.silent_at for source in self.sources.values() if source.silent_at > self.judged_at]
        if self._held(self.judged_at) and self.held_until and self.proposed(self.judged_at) != self.health:
            due.append(self.held_until)
        return min(due, default=None)

    @property
    def known_until(self) -> datetime | None:
        """When nothing is known any more unless there is another sample; None when nothing is known."""
        if self.health is Health.UNKNOWN:
            return None
        return max((source.silent_at for source in self.sources.values()), default=None)

    @property
    def sampled_at(self) -> datetime:
        """When the newest sample was taken; before any, when the connection was first judged."""
        return max((source.at for source in self.sources.values()), default=self.judged_at)

    def proposed(self, at: datetime) -> Health:
        """The worst that sources say which are not silent by then."""
        said = [source.health for source in self.sources.values() if at < source.silent_at]
        return max(said, key=SEVERITY.__getitem__, default=Health.UNKNOWN)

    def _held(self, at: datetime) -> bool:
        return self.held_until is not None and at < self.held_until

    def judged(self, at: datetime) -> Verdict:
        """The verdict by what sources say at that time."""
        health = self.proposed(at)
        reasons = _reasons(self.sources, at)
        if health is self.health:
            return replace(self, reasons=reasons, judged_at=at)
        if self._held(at) and health is not Health.UNKNOWN:
            return replace(self, judged_at=at)
        replaces = Health.UNKNOWN not in (self.health, health)
        held_until = at + HOLD if replaces else None
        return replace(self, health=health, since=at, reasons=reasons, judged_at=at, held_until=held_until)


def take(verdict: Verdict | None, sampled: HealthSampled) -> tuple[Verdict, ...]:
    """The verdicts that follow one after the other from one more sample, the last one to be kept.

    Those before it are what silence made of the time until the sample. Empty when the sample is
    history: of an older generation, or not taken after the latest one of its source.
    """
    sample = sampled.sample
    if verdict is None:
        verdict = Verdict(sampled.generation, Health.UNKNOWN, sample.at, (), sample.at)
    if sampled.generation < verdict.generation:
        return ()
    source = heard(verdict.sources.get(sample.source), sample)
    if source is None:
        return ()
    passed = advance(verdict, sample.at)
    last = passed[-1] if passed else verdict
    sources = _bounded({**last.sources, sample.source: source}, sample.at)
    folded = replace(last, generation=sampled.generation, sources=sources)
    return (*passed, folded.judged(max(last.judged_at, sample.at)))


def published(change: ConnectionHealthChanged) -> Verdict:
    """The verdict that was published with this change, as far as the change tells.

    The watchdog stands for the sources behind it: unless it is heard again, that is not held for ever.
    """
    verdict = Verdict(change.generation, change.health, change.at, change.reasons, change.at)
    if change.health is Health.UNKNOWN:
        return verdict
    sample = Sample(source="control-plane", health=change.health.value, at=change.at)
    source = heard(None, sample)
    return replace(verdict, sources={sample.source: source} if source else {})


def advance(verdict: Verdict, until: datetime) -> tuple[Verdict, ...]:
    """The verdicts that follow from silence and from the end of a hold, each at its own time."""
    passed: list[Verdict] = []
    while (due := verdict.due_at) is not None and due <= until:
        verdict = verdict.judged(due)
        passed.append(verdict)
    return tuple(passed)


def _bounded(sources: Mapping[str, Source], now: datetime) -> dict[str, Source]:
    """Without those that were not heard for long, and the latest of them alone when there are many."""
    latest = sorted(sources.items(), key=lambda item: (item[1].at, item[0]), reverse=True)
    return {name: source for name, source in latest[:MOST_SOURCES] if source.at > now - FORGOTTEN_AFTER}


def _reasons(sources: Mapping[str, Source], at: datetime) -> tuple[str, ...]:
    """Which sources say that something is wrong and which are silent, since when; the worst first."""
    said = [(name, source) for name, source in sorted(sources.items()) if at < source.silent_at]
    bad = [(name, source) for name, source in said if source.health is not Health.UP]
    bad.sort(key=lambda item: -SEVERITY[item[1].health])
    silent = [(name, source) for name, source in sorted(sources.items()) if at >= source.silent_at]
    return (
        *(f"{name}: {source.health.value} since {_moment(source.since)}" for name, source in bad),
        *(f"{name}: nothing heard since {_moment(source.at)}" for name, source in silent),
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
