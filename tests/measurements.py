"""What this process has measured, by metric and labels."""

from __future__ import annotations

from functools import cache

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

Labels = frozenset[tuple[str, object]]


@cache
def _reader() -> InMemoryMetricReader:
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader


def measured(metric: str) -> dict[Labels, float]:
    """Each series' value; of a histogram, how often something was recorded.

    The first call starts measuring: call it before what is to be measured.
    """
    data = _reader().get_metrics_data()
    found = [
        point
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for one in scope.metrics
        if one.name == metric
        for point in one.data.data_points
    ]
    return {
        frozenset((point.attributes or {}).items()): float(
            point.count if isinstance(point, HistogramDataPoint) else getattr(point, "value")  # noqa: B009  # no common type has it
        )
        for point in found
    }
