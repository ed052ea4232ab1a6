"""Dashboards and alert rules name only what services measure, and say what they mean."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.expressions import ALERTS, DASHBOARDS, PROMETHEUS, RECORDED, ROOT, expressions, named, panels

SUFFIX = {"create_counter": ("_total",), "duration": ("_bucket", "_count", "_sum")}
FOREIGN = {
    "up",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "http_server_active_requests",
    *(f"http_server_request_duration_seconds{suffix}" for suffix in SUFFIX["duration"]),
}
"""From Prometheus, its client library and FastAPI."""


def measured() -> set[str]:
    """Names, as Prometheus sees them, of every instrument that the code creates."""
    names = set()
    for path in [*(ROOT / "libs").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            made = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if not (made.startswith("create_") or made == "duration") or not call.args:
                continue
            if not isinstance(first := call.args[0], ast.Constant) or not isinstance(first.value, str):
                continue
            unit = "_seconds" if made == "duration" or any(k.arg == "unit" for k in call.keywords) else ""
            names |= {f"{first.value.replace('.', '_')}{unit}{end}" for end in SUFFIX.get(made, ("",))}
    return names


def test_every_metric_in_a_dashboard_or_rule_is_measured() -> None:
    known = measured() | FOREIGN | {rule["record"] for rule in RECORDED}
    missing = {name for expression, _ in expressions() for name in named(expression)} - known
    assert not missing


def test_dashboards_are_as_their_description_says() -> None:
    assert DASHBOARDS
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.grafana", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_says_what_it_shows(dashboard: Path) -> None:
    shown = panels(dashboard)
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_section_and_tests_that_fire_and_stay_silent(alert: dict[str, Any]) -> None:
    name = alert["alert"]
    assert alert["annotations"]["runbook"] == f"deploy/prometheus/RUNBOOK.md#{name.lower()}"
    assert f"\n## {name}\n" in (PROMETHEUS / "RUNBOOK.md").read_text()
    assert alert["labels"]["severity"] in {"critical", "warning"}
    cases = [
        [check["exp_alerts"] for check in case["alert_rule_test"]]
        for path in (PROMETHEUS / "tests").glob("*.yml")
        for case in yaml.safe_load(path.read_text())["tests"]
        if case["alert_rule_test"][0]["alertname"] == name
    ]
    assert any(any(case) for case in cases)
    assert any(not any(case) for case in cases)
