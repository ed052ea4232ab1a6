"""One live connection per pair of resources, whoever is left or right."""

from onenet_common.states import LIVE

_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))
LIVE_PAIR = f"state IN ({_LIVE}) AND NOT dry_run"
"""Which connections occupy their pair of resources, as SQL."""
