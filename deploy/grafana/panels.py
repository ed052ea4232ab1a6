"""Panels and dashboards as values, and the JSON that Grafana makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 3
WIDTH, HEIGHT = 24 // COLUMNS, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph.

    Args:
        unit: Grafana's name of it, such as ``s``, ``short``, ``reqps``, ``percentunit``.
        description: what it shows, and what a bad picture looks like.
        queries: PromQL by legend; a legend may name labels, such as ``{{group}}``.
    """

    title: str
    unit: str
    description: str
    queries: dict[str, str]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page; ``uid`` names its file and its address."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def as_json(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's provisioning reads it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["onenet"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "timezone": "utc",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_datasource()]},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"]}},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend, "datasource": DATASOURCE}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }
