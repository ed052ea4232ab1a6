"""CloudEvents 1.0 in binary mode: an event with who, when and its place in a trace."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID, uuid4, uuid5

from pydantic import ValidationError

from onenet_common import tracing
from onenet_common.errors import Malformed
from onenet_common.events import EVENTS, Event
from onenet_common.tracing import TRACE_HEADERS

CONTENT_TYPE = "application/json"
LARGEST_VALUE = 1_000_000
"""Bytes of an event's value; Kafka's own default limit for a message is 1 MiB."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event on its way.

    Args:
        actor: the user, or the service, because of whom it happened.
        trace: W3C ``traceparent`` and ``tracestate``.
    """

    event: Event
    id: UUID
    source: str
    actor: str
    time: datetime
    trace: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        event: Event,
        *,
        actor: str | None = None,
        id: UUID | None = None,  # noqa: A002  # the attribute's name in CloudEvents
        trace: Mapping[str, str] | None = None,
    ) -> Self:
        """Wrap an event that happens now.

        Args:
            actor: defaults to the service that produces this kind of event.
            id: defaults to a fresh one.
            trace: defaults to the trace that is current.
        """
        return cls(
            event=event,
            id=id or uuid4(),
            source=event.producer,
            actor=actor or event.producer,
            time=datetime.now(UTC),
            trace=tracing.carrier() if trace is None else trace,
        )

    def derive(self, event: Event) -> Message:
        """The one answer of that type to this message: repeating it gives the same id."""
        return Message.of(event, id=uuid5(self.id, event.type), trace=self.trace)

    @property
    def trace_id(self) -> str:
        """The trace's 32 hexadecimal digits, empty when there is none."""
        parts = self.trace.get("traceparent", "").split("-")
        return parts[1] if len(parts) == 4 else ""

    def headers(self) -> dict[str, str]:
        return {
            "ce_specversion": "1.0",
            "ce_id": str(self.id),
            "ce_type": self.event.type,
            "ce_source": self.source,
            "ce_subject": self.event.key,
            "ce_time": self.time.isoformat(),
            "ce_actor": self.actor,
            "content-type": CONTENT_TYPE,
            **self.trace,
        }

    def value(self) -> bytes:
        """The event as JSON.

        Raises:
            Malformed: when no consumer would take it; it must not get into an outbox either.
        """
        value = self.event.model_dump_json().encode()
        if len(value) > LARGEST_VALUE:
            raise Malformed(f"{self.event.type} of {len(value)} bytes is too large", code="bad_size")
        return value


def encode_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Headers as Kafka wants them."""
    return [(name, text.encode()) for name, text in headers.items()]


def decode(
    value: bytes | None,
    headers: Iterable[tuple[str, bytes | None]],
    passed_over: Container[str] = (),
) -> Message | None:
    """Read a record.

    Args:
        passed_over: types that are not read any further, for others do.

    Returns:
        None for an event that is passed over, and for a well-formed one of a type that this release
        does not know: a newer producer may send one, and it is not for us.

    Raises:
        Malformed: when it is no CloudEvent, or breaks the schema of its type.
    """
    texts = _texts(headers)
    for required in ("ce_id", "ce_type", "ce_source", "ce_specversion"):
        if not texts.get(required):
            raise Malformed(f"header {required} is missing", code="not_a_cloudevent")
    if texts["ce_specversion"] != "1.0":
        raise Malformed(f"ce_specversion {texts['ce_specversion']!r} is not 1.0", code="not_a_cloudevent")
    if texts["ce_type"] in passed_over:
        return None
    if value is None or len(value) > LARGEST_VALUE:
        raise Malformed(f"a value of 1 to {LARGEST_VALUE} bytes is expected", code="bad_size")
    event_class = EVENTS.get(texts["ce_type"])
    if event_class is None:
        return None
    if texts["ce_source"] != event_class.producer:
        raise Malformed(f"{event_class.type} comes from {event_class.producer} alone", code="wrong_source")
    try:
        return Message(
            event=event_class.model_validate_json(value),
            id=UUID(texts["ce_id"]),
            source=texts["ce_source"],
            actor=texts.get("ce_actor", texts["ce_source"]),
            time=_time(texts.get("ce_time")),
            trace={name: texts[name] for name in TRACE_HEADERS if name in texts},
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"{event_class.type}: {place}: {first['msg']}", code="wrong_schema") from None
    except ValueError as error:
        raise Malformed(f"{event_class.type}: {error}", code="wrong_header") from None


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Kafka allows a header without a value; it is as good as absent."""
    try:
        return {name: text.decode() for name, text in headers if text is not None}
    except UnicodeDecodeError:
        raise Malformed("a header is not UTF-8", code="wrong_header") from None


def _time(text: str | None) -> datetime:
    moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
