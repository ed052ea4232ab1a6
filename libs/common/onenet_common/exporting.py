"""Where spans go: to an OTLP endpoint, in the background, or nowhere.

A service neither waits for the endpoint nor stops for it: spans wait in a queue of bounded length,
those that do not fit are dropped, and at the end a second is left for the last ones.
"""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry import trace

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider

    from onenet_common.settings import Settings

INHERITED = ("onenet.connection.id", "onenet.generation", "onenet.ctype")
EXPORT_SECONDS = 5.0
LAST_SECONDS = 0.8
"""For the spans that are left when a service ends; what is not away by then is lost."""

_providers: list[TracerProvider] = []


def active() -> bool:
    """Whether spans go anywhere."""
    return bool(_providers)


def start(service: str, settings: Settings) -> None:
    """Set up traces, once per process; without an endpoint nothing is recorded."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased

    # With nobody to read them spans are not recorded; their ids still go into logs and events.
    sampled = ParentBased(TraceIdRatioBased(settings.trace_ratio))
    provider = TracerProvider(
        sampler=sampled if settings.otlp_endpoint else ALWAYS_OFF,
        resource=_resource(service),
        shutdown_on_exit=False,
    )
    if settings.otlp_endpoint:
        _export(provider, settings.otlp_endpoint)
        _providers.append(provider)
    trace.set_tracer_provider(provider)


def stop() -> None:
    """Send what is left, for less than a second: a service ends on time, whatever the endpoint does."""
    for provider in _providers:
        last = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(LAST_SECONDS)
    _providers.clear()


def _export(provider: TracerProvider, endpoint: str) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Inheriting(SpanProcessor):
        """Spans within one that concerns a connection concern it too, such as a provider's calls."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            parent: ReadableSpan | trace.Span = trace.get_current_span(parent_context)
            theirs = getattr(parent, "attributes", None) or {}
            own = span.attributes or {}
            span.set_attributes(
                {name: theirs[name] for name in INHERITED if name in theirs and name not in own}
            )

    provider.add_span_processor(Inheriting())
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))


def _resource(service: str) -> Resource:
    """Who sends; the environment's name and more come from ``OTEL_RESOURCE_ATTRIBUTES``."""
    from opentelemetry.sdk.resources import Resource

    return Resource.create(
        {
            "service.name": service,
            "service.namespace": "onenet",
            "service.version": version("onenet"),
            "service.instance.id": str(uuid4()),
        }
    )
