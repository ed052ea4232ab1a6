"""What a stack is told that somebody looks at: repairs, the map and its findings come within seconds."""

from __future__ import annotations

from collections.abc import Mapping

from onenet_local.services import Environment

_TRAFFIC = {
    "ONENET_MONITOR_INSPECTION_INTERVAL": "2",
    "ONENET_MONITOR_FLOW_ROLLUP_INTERVAL": "2",
    "ONENET_MONITOR_FLOW_PATIENCE": "0.2",
}

PROMPT: Mapping[str, Environment] = {
    "provisioner": {"ONENET_PROVISIONER_WATCH_INTERVAL": "5"},
    "monitor": _TRAFFIC,
    "flows": _TRAFFIC,
}
"""By service. Where there is much to watch and to count this would cost too much."""


def prompt(inherited: Environment) -> dict[str, Environment]:
    """The same, but for what the user has set."""
    return {
        service: {name: value for name, value in told.items() if name not in inherited}
        for service, told in PROMPT.items()
    }
