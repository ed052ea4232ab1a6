"""Flow logs in the shapes that their exporters write, as canonical records.

Nothing here raises for bad content: a bad line costs that line, and its reason is counted.
"""

from __future__ import annotations

from onenet_monitor.flows.formats.batches import read_all
from onenet_monitor.flows.formats.reading import SCHEMA, Reading, Reason, Refusal, Skipped, merged
from onenet_monitor.flows.formats.reads import read, readings

__all__ = ["SCHEMA", "Reading", "Reason", "Refusal", "Skipped", "merged", "read", "read_all", "readings"]
