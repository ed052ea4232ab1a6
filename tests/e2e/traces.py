"""Receives spans over OTLP, as a collector does."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from onenet_common.runner import Server
from onenet_local.probes import HOST, free_port


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    attributes: dict[str, Any]
    links: frozenset[str]
    """Trace ids of what it is linked to."""
    linked_spans: frozenset[str]
    failed: bool
    resource: dict[str, Any] = field(hash=False, repr=False)


@dataclass
class Traces:
    """A component; ``endpoint`` is what the services are told."""

    port: int = field(default_factory=free_port)
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list, repr=False)
    """Everything that was received, as it came."""

    def __post_init__(self) -> None:
        application = Starlette(routes=[Route("/v1/traces", self._receive, methods=["POST"])])
        self._server = Server(application, host=HOST, port=self.port)

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def of(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _values(part.resource.attributes)
            for scope in part.scope_spans:
                self.spans.extend(_span(span, resource) for span in scope.spans)
        return Response()


def _span(span: Otlp, resource: dict[str, Any]) -> Span:
    return Span(
        service=resource["service.name"],
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=Otlp.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        attributes=_values(span.attributes),
        links=frozenset(link.trace_id.hex() for link in span.links),
        linked_spans=frozenset(link.span_id.hex() for link in span.links),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        resource=resource,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in attributes
    }
