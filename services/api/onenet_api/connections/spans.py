"""What a request's span says of the connection that it is about."""

from __future__ import annotations

from opentelemetry import trace

from onenet_api.connections.model import Connection
from onenet_common import tracing


def traceparent() -> str:
    """The request's span, as later ones are linked to it; empty when it is not recorded."""
    current = tracing.carrier() if trace.get_current_span().is_recording() else {}
    return current.get("traceparent", "")


def concerns(connection: Connection) -> None:
    """Name the connection on the request's span."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(
            tracing.connection_attributes(connection.id, connection.generation, connection.known_ctype)
        )


def follows(before: Connection) -> None:
    """Link the request's span to the request that the connection, as it was, came from."""
    span = trace.get_current_span()
    if span.is_recording():
        for link in tracing.links(before.traceparent):
            span.add_link(link.context)
