"""What a run was, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.chaos.judge import Finding
from tests.chaos.ledger import Verb
from tests.chaos.run import Outcome
from tests.chaos.striker import Struck

MOST_SHOWN = 10


def markdown(outcome: Outcome) -> str:
    """The whole report."""
    plan = outcome.plan
    again = f"make chaos SEED={plan.seed} CONNECTIONS={plan.connections} MINUTES={plan.seconds / 60:g}"
    return "\n".join(
        [
            "# Chaos",
            "",
            f"`{again}` repeats blows, wishes and the dice of failing calls, but not the machine's timing.",
            "",
            f"**{verdict(outcome)}**",
            "",
            *_findings(outcome.findings),
            "",
            _accepted(outcome),
            f"- in the end: {_counted(outcome.states)}",
            f"- settled {_seconds(outcome.settled_after)} after the last blow",
            f"- on the topic: {outcome.events} events, {outcome.redelivered} redelivered",
            f"- calls at the cloud that met a fault: {_faults(outcome.faults)}",
            f"- {len(outcome.struck)} blows",
            "",
            *(f"    {hint}" for hint in outcome.hints if outcome.findings),
            "",
            *_recoveries(outcome.struck),
            "",
            *_blows(outcome.struck),
            "",
        ]
    )


def _accepted(outcome: Outcome) -> str:
    ledger = outcome.ledger
    counts = ", ".join(f"{ledger.count(verb)} to {verb.value}" for verb in Verb)
    again = sum(entry.tries > 1 for entry in ledger.entries)
    return (
        f"- requests accepted: {counts}; {again} of them after more than one try, for {outcome.unanswered} "
        f"requests, reads among them, had no answer; changes not asked for, as nothing stood yet: "
        f"{ledger.refused}"
    )


def verdict(outcome: Outcome) -> str:
    if outcome.findings:
        return f"{len(outcome.findings)} things are wrong"
    return f"all {len(outcome.ledger.wanted())} connections are as they were asked for last, and nothing else"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, as plain values."""
    return {
        "plan": asdict(outcome.plan),
        "verdict": verdict(outcome),
        "findings": [asdict(finding) for finding in outcome.findings],
        "accepted": {verb.value: outcome.ledger.count(verb) for verb in Verb},
        "unanswered": outcome.unanswered,
        "states": dict(outcome.states),
        "settled_after": outcome.settled_after,
        "events": outcome.events,
        "redelivered": outcome.redelivered,
        "faults": outcome.faults,
        "hints": outcome.hints,
        "told": outcome.told,
        "struck": [asdict(struck) for struck in outcome.struck],
    }


def _findings(findings: Sequence[Finding]) -> list[str]:
    """The first of each rule; the JSON report has all."""
    lines = []
    for rule, count in Counter(finding.rule for finding in findings).items():
        first = [finding.what for finding in findings if finding.rule == rule][:MOST_SHOWN]
        lines += [f"- {rule}: {what}" for what in first]
        if count > MOST_SHOWN:
            lines.append(f"- {rule}: and {count - MOST_SHOWN} more")
    return lines


def _recoveries(struck: list[Struck]) -> list[str]:
    """How long each process took until it was ready again."""
    rows = ["| process | hit | recovered after (median, longest) |", "| --- | ---: | ---: |"]
    for victim in sorted({one.blow.victim for one in struck}):
        times = [one.recovered_after for one in struck if one.blow.victim == victim]
        known = [time for time in times if time is not None]
        took = f"{median(known):.1f} s, {max(known):.1f} s" if known else "never"
        rows.append(f"| {victim} | {len(times)} | {took} |")
    return rows


def _blows(struck: list[Struck]) -> list[str]:
    rows = ["| at | process | how | when | ready again after |", "| ---: | --- | --- | --- | ---: |"]
    for one in struck:
        how = one.blow.kind.value + (f" for {one.blow.seconds:g} s" if one.blow.seconds else "")
        rows.append(
            f"| {one.at:.1f} s | {one.blow.victim} | {how} | {one.blow.moment.value} "
            f"| {_seconds(one.recovered_after)} |"
        )
    return rows


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _faults(faults: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['struck']} {one['kind']}" for one in faults)
