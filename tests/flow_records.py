"""Flow records in the canonical shape, as a parser would hand them over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from onenet_monitor.flows.formats.reading import SCHEMA

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def record(src: str, dst: str, **changes: Any) -> dict[str, Any]:
    """One record: HTTPS of a minute from ``src`` to ``dst``, of an exporter that says nothing else."""
    start = changes.get("start", START)
    return {
        "start": start,
        "end": start + timedelta(seconds=59),
        "network": None,
        "account": None,
        "src": src,
        "dst": dst,
        "src_port": 40_000,
        "dst_port": 443,
        "protocol": 6,
        "packets": 10,
        "bytes": 1_000,
        "flows": 1,
        "accepted": True,
        "egress": None,
        **changes,
    }


def frame(records: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema=SCHEMA)
