"""Spans of what happens to messages and connections, as ``TRACING.md`` shows them.

Whether a trace is recorded is decided where it begins, and stands in its ``traceparent``. What is
not recorded costs a look at that header: no span is made, no attribute built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, StatusCode
from pydantic_core import from_json

from onenet_common import exporting

if TYPE_CHECKING:
    from aiokafka.structs import RecordMetadata

    from onenet_common.dead_letters import Record
    from onenet_common.envelope import Message
    from onenet_common.producer import Outgoing

tracer = trace.get_tracer("onenet")

TRACE_HEADERS = ("traceparent", "tracestate")
SAMPLED = tuple("13579bdf")
"""Last digits of a ``traceparent`` whose lowest flag is set."""

Attributes = dict[str, str | int]


def carrier(context: Context | None = None) -> Mapping[str, str]:
    """A trace context, by default the current one, as W3C headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers, context)
    return headers


def recorded(headers: Mapping[str, str]) -> bool:
    """Whether what follows from these headers gets spans; with none, a new trace may begin."""
    return exporting.active() and headers.get("traceparent", "1").endswith(SAMPLED)


def links(*traceparents: str | None) -> list[Link]:
    """Links to spans of other traces; what is empty or no ``traceparent`` is left out."""
    found: list[Link] = []
    if not exporting.active():
        return found
    for traceparent in traceparents:
        context = propagate.extract({"traceparent": traceparent or ""}, context=Context())
        if (origin := trace.get_current_span(context).get_span_context()).is_valid:
            found.append(Link(origin))
    return found


def cause_of(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """The trace that a record's headers name, if any."""
    return {
        name: text.decode(errors="replace")
        for name, text in headers
        if name in TRACE_HEADERS and text is not None
    }


def failed(span: Span, error: BaseException) -> None:
    """Mark a span as failed with the error's code, or its class, and its words."""
    span.set_status(StatusCode.ERROR, str(error))
    span.set_attribute("error.type", getattr(error, "code", None) or type(error).__name__)


def subject(event: Any) -> Attributes:
    """Span attributes that name what an event is about."""
    connection = getattr(event, "connection_id", None)
    ctype = getattr(event, "ctype", None) or getattr(getattr(event, "wish", None), "ctype", None)
    return connection_attributes(connection, getattr(event, "generation", None), ctype)


def connection_attributes(connection: Any, generation: Any, ctype: Any) -> Attributes:
    """What every span that concerns a connection says; the ctype once one is asked for or decided on."""
    found: Attributes = {}
    if connection is not None:
        found["onenet.connection.id"] = str(connection)
        found["onenet.generation"] = int(generation or 0)
    if ctype is not None:
        found["onenet.ctype"] = str(ctype)
    return found


def received(message: Message, record: Record, group: str) -> tuple[Span, Message]:
    """Open the consumer's span of one message, a child of the span that sent it.

    Returns:
        the span, to be ended by the caller, and the message with that span as its trace, so
        that whatever follows from it becomes a child of its processing.
    """
    if not recorded(message.trace):
        return INVALID_SPAN, message
    span = tracer.start_span(
        f"process {record.topic}",
        context=propagate.extract(dict(message.trace), context=Context()),
        kind=SpanKind.CONSUMER,
        attributes={
            **_messaging("process", record.topic, record.key, str(message.id), message.event.type),
            "messaging.consumer.group.name": group,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            **subject(message.event),
        },
    )
    return span, replace(message, trace=carrier(trace.set_span_in_context(span, Context())))


@contextmanager
def of(headers: Mapping[str, str]) -> Iterator[None]:
    """Make a message's trace the current one, for logs and for what is done because of it."""
    origin = trace.get_current_span(propagate.extract(dict(headers), context=Context()))
    with trace.use_span(origin, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        yield


class Sends:
    """The spans of records that are sent together, one each, ended when the block ends.

    ``records`` are to be sent instead of those given: a span's record names it as its trace, so
    that the consumer's span becomes its child. The trace in the record given is the cause.
    """

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self.records = records
        self._spans: dict[int, Span] = {}
        if exporting.active():
            self.records = [self._traced(place, record) for place, record in enumerate(records)]

    def __enter__(self) -> Sends:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        for span in self._spans.values():
            if error is not None:
                failed(span, error)
            span.end()

    def acknowledged(self, answers: Sequence[RecordMetadata]) -> None:
        """Note where each record has got to."""
        for place, span in self._spans.items():
            span.set_attribute("messaging.destination.partition.id", str(answers[place].partition))
            span.set_attribute("messaging.kafka.offset", answers[place].offset)

    def _traced(self, place: int, record: Outgoing) -> Outgoing:
        cause = cause_of(record.headers)
        if not (cause and recorded(cause)):
            return record
        texts = {name: (text or b"").decode(errors="replace") for name, text in record.headers}
        span = self._spans[place] = tracer.start_span(
            f"send {record.topic}",
            context=propagate.extract(cause, context=Context()),
            kind=SpanKind.PRODUCER,
            attributes={
                **_messaging(
                    "send", record.topic, record.key, texts.get("ce_id", ""), texts.get("ce_type", "")
                ),
                **_subject_of(record.value),
            },
        )
        theirs = [(name, text) for name, text in record.headers if name not in TRACE_HEADERS]
        ours = carrier(trace.set_span_in_context(span, Context()))
        return replace(record, headers=theirs + [(name, text.encode()) for name, text in ours.items()])


@contextmanager
def database(operation: str, table: str) -> Iterator[None]:
    """The span of a statement that a trace waits for; none where nothing is recorded."""
    with ExitStack() as stack:
        if trace.get_current_span().is_recording():
            attributes = {
                "db.system.name": "postgresql",
                "db.operation.name": operation,
                "db.collection.name": table,
            }
            name = f"{operation} {table}"
            stack.enter_context(
                tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes)
            )
        yield


def _messaging(operation: str, topic: str, key: bytes | None, message: str, event_type: str) -> Attributes:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": (key or b"").decode(errors="replace"),
        "messaging.message.id": message,
        "onenet.event.type": event_type,
    }


def _subject_of(value: bytes | None) -> Attributes:
    """``subject`` of an event as JSON; what is none says nothing."""
    try:
        body = from_json(value or b"")
    except ValueError:
        return {}
    if not isinstance(body, dict) or not isinstance(body.get("generation", 0), int):
        return {}
    wish = body.get("wish")
    ctype = body.get("ctype") or (wish.get("ctype") if isinstance(wish, dict) else None)
    return connection_attributes(body.get("connection_id"), body.get("generation"), ctype)
