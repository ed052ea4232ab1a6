"""Receives spans over OTLP, as a collector does."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
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
    attributes: dict[str, str]


@dataclass
class Traces:
    """A component; ``endpoint`` is what the services are told."""

    port: int = field(default_factory=free_port)
    spans: list[Span] = field(default_factory=list)

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
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}[
                "service.name"
            ]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {one.key: one.value.string_value for one in span.attributes}
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self.spans.append(Span(service, span.name, *ids, attributes))
        return Response()
