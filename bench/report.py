"""Figures against their targets, as a Markdown table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """A limit that is met from one side: ``at_least`` it, or else at most."""

    limit: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


def at_least(limit: float) -> Target:
    return Target(limit, at_least=True)


def at_most(limit: float) -> Target:
    return Target(limit, at_least=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Args:
        measure: which measurement it comes from.
        name: what it is, for people.
        target: None when it only helps to understand the others.
    """

    measure: str
    name: str
    value: float
    unit: str
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        return self.target.met_by(self.value) if self.target else None

    def row(self) -> str:
        verdict = {True: "OK", False: "**MISSED**", None: ""}[self.met]
        target = f"{self.target} {self.unit}" if self.target else ""
        return f"| {self.measure} | {self.name} | {shown(self.value)} {self.unit} | {target} | {verdict} |"

    def as_json(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "target": str(self.target) if self.target else None,
            "met": self.met,
        }


def shown(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Sequence[Figure | _Fact]) -> str:
    """All figures as a Markdown table, those of one measurement together."""
    head = ["| measure | figure | value | target | |", "| --- | --- | ---: | ---: | --- |"]
    return "\n".join([*head, *(figure.row() for figure in figures)])


def write(path: Path, figures: Sequence[Figure], machine: Mapping[str, Any]) -> None:
    """All figures and the machine that they are from: as JSON, and beside it as Markdown."""
    content = {"machine": machine, "figures": [figure.as_json() for figure in figures]}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(f"{table([*_described(machine), *figures])}\n")


@dataclass(frozen=True, slots=True)
class _Fact:
    """A row about the machine."""

    name: str
    value: object

    def row(self) -> str:
        return f"| machine | {self.name} | {self.value} | | |"


def _described(machine: Mapping[str, Any]) -> list[_Fact]:
    packages = machine.get("packages", {})
    facts = {name: value for name, value in machine.items() if name != "packages"}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    return [_Fact(name, value) for name, value in {**facts, "versions": versions}.items()]
