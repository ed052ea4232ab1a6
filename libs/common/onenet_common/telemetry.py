"""JSON logs with trace ids, OpenTelemetry traces, Prometheus metrics: set up once per process."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import metrics, trace
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from onenet_common import exporting
from onenet_common.repetition import OnceInAWhile

if TYPE_CHECKING:
    from onenet_common.settings import Settings

meter = metrics.get_meter("onenet")

QUIET = (
    "aiokafka",
    "aiobotocore",
    "botocore",
    "urllib3",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "uvicorn.error",
)
"""Loggers whose INFO lines say nothing that our own do not; aiokafka's DEBUG lines hold passwords, so
that it stays quiet at every level."""


def start(service: str, settings: Settings) -> None:
    """Set up logs, traces and metrics; nothing is exported unless an OTLP endpoint is set."""
    _start_logs(settings.log_level, service)
    exporting.start(service, settings)
    _start_metrics(service)


def stop() -> None:
    """Send the last spans; takes less than a second."""
    exporting.stop()


def exposition() -> tuple[bytes, str]:
    """All metrics in Prometheus' text format, and its media type."""
    return generate_latest(), CONTENT_TYPE_LATEST


def _start_logs(level: str, service: str) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        lambda _logger, _method, line: {"service": service, **line},
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    for library in ("aiokafka", "opentelemetry"):
        handler.addFilter(OnceInAWhile(library))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _add_trace(_logger: Any, _method: str, line: Any) -> Any:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = format(context.trace_id, "032x")
        line["span_id"] = format(context.span_id, "016x")
    return line


def _start_metrics(service: str) -> None:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource

    metrics.set_meter_provider(
        MeterProvider([PrometheusMetricReader()], resource=Resource.create({"service.name": service}))
    )
