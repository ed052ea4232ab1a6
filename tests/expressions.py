"""What dashboards and alert rules read: metrics, and the labels that they expect these to have."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
SELECTOR = r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
"""With braces in its values, as routes have them."""


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules" / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS, RECORDED = rules("alerts.yml"), rules("recording.yml")


def panels(dashboard: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Each expression, with the text whose placeholders name its labels."""
    yield from ((rule["expr"], rule["annotations"]["summary"]) for rule in ALERTS)
    yield from ((rule["expr"], "") for rule in RECORDED)
    for dashboard in DASHBOARDS:
        for panel in panels(dashboard):
            yield from ((target["expr"], target["legendFormat"]) for target in panel["targets"])


def named(expression: str) -> set[str]:
    """Metrics that an expression reads."""
    bare = re.sub(rf"{SELECTOR}|\b(by|on) \([^)]*\)|\[[^\]]*\]", "", expression)
    words = set(re.findall(r"[a-z_][a-z_0-9:]*", bare)) - {
        "histogram_quantile",
        "max_over_time",
        "min_over_time",
    }
    return {word for word in words if "_" in word.strip("_") or word == "up"}


def labels_read() -> dict[str, set[str]]:
    """Labels that are selected by, summed by or shown, by the metric that has to have them.

    What is read from a recorded figure is read from all that it is made of.
    """
    read: dict[str, set[str]] = defaultdict(set)
    for expression, shown in expressions():
        for metric in named(expression):
            read[metric] |= set(re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", shown))
        for metric, selector in re.findall(rf"(\w+)({SELECTOR})", expression):
            read[metric] |= set(re.findall(r"(\w+)(?:=|!)", selector))
        for by in re.finditer(r"\bby \(([^)]*)\) \(", expression):
            for metric in named(_bracketed(expression[by.end() :])):
                read[metric] |= set(by[1].split(", "))
    for rule in RECORDED:
        labels = read.pop(rule["record"], set())
        for metric in named(rule["expr"]):
            read[metric] |= labels
    return dict(read)


def _bracketed(text: str) -> str:
    """The text up to where the bracket closes that is open at its start."""
    depth = 1
    for at, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return text[:at]
    return text
