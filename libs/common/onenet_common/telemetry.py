"""JSON logs with trace ids, OpenTelemetry traces, Prometheus metrics: set up once per process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from onenet_common.repetition import OnceInAWhile

if TYPE_CHECKING:
    from onenet_common.envelope import Message
    from onenet_common.settings import Settings

tracer = trace.get_tracer("onenet")
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
    _start_traces(service, settings.otlp_endpoint)
    _start_metrics(service)


def exposition() -> tuple[bytes, str]:
    """All metrics in Prometheus' text format, and its media type."""
    return generate_latest(), CONTENT_TYPE_LATEST


def received(message: Message, group: str) -> tuple[Span, Message]:
    """Open the consumer's span of one message, a child of the span that sent it.

    Returns:
        the span, to be ended by the caller, and the message with that span as its trace, so
        that whatever follows from it becomes a child of its processing.
    """
    event = message.event
    span = tracer.start_span(
        f"process {event.topic}",
        context=propagate.extract(dict(message.trace)),
        kind=SpanKind.CONSUMER,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": event.topic,
            "messaging.consumer.group.name": group,
            "messaging.message.id": str(message.id),
            "onenet.event.type": event.type,
            **subject(event),
        },
    )
    return span, replace(message, trace=carrier(trace.set_span_in_context(span)))


def subject(event: Any) -> dict[str, str | int]:
    """Span attributes that name what an event is about."""
    found: dict[str, str | int] = {}
    if (connection := getattr(event, "connection_id", None)) is not None:
        found["onenet.connection.id"] = str(connection)
        found["onenet.generation"] = event.generation
    if (ctype := getattr(event, "ctype", None)) is not None:
        found["onenet.ctype"] = str(ctype)
    return found


def failed(span: Span, error: BaseException) -> None:
    """Mark a span as failed with the error's class and words."""
    span.set_status(StatusCode.ERROR, str(error))
    span.set_attribute("error.type", type(error).__name__)


def carrier(context: Context | None = None) -> Mapping[str, str]:
    """A trace context, by default the current one, as W3C headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers, context)
    return headers


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
    handler.addFilter(OnceInAWhile("aiokafka"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _add_trace(_logger: Any, _method: str, line: Any) -> Any:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = format(context.trace_id, "032x")
        line["span_id"] = format(context.span_id, "016x")
    return line


def _start_traces(service: str, endpoint: str | None) -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON

    # With nobody to read them spans are not recorded; their ids still go into logs and events.
    sampler = ALWAYS_OFF if endpoint is None else DEFAULT_ON
    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": service}))
    if endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5))
        )
    trace.set_tracer_provider(provider)


def _start_metrics(service: str) -> None:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource

    metrics.set_meter_provider(
        MeterProvider([PrometheusMetricReader()], resource=Resource.create({"service.name": service}))
    )
