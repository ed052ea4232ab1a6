"""What a stack is told that somebody looks at: the map and its findings follow the traffic within seconds."""

from __future__ import annotations

PROMPT = {
    "ONENET_MONITOR_INSPECTION_INTERVAL": "2",
    "ONENET_MONITOR_FLOW_ROLLUP_INTERVAL": "2",
    "ONENET_MONITOR_FLOW_PATIENCE": "0.2",
}
"""For ``monitor`` and ``flows``. Where much is counted this would cost too much."""
