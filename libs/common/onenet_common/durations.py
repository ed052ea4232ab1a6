"""Histograms of durations, with buckets that fit what is measured."""

from __future__ import annotations

from opentelemetry.metrics import Histogram

from onenet_common.telemetry import meter

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds in seconds for one call, one batch, one wait in a queue."""

LONG = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
"""Bounds in seconds for what clouds take to build."""


def duration(name: str, description: str, *, bounds: tuple[float, ...] = QUICK) -> Histogram:
    """A histogram in seconds; OpenTelemetry's own bounds are meant for milliseconds."""
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=bounds
    )
