"""Events survive their way over Kafka, others can read them, and what is none is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given

from onenet_common.catalogue import schema_of
from onenet_common.envelope import LARGEST_VALUE, Message, decode, encode_headers
from onenet_common.errors import Malformed
from onenet_common.events import EVENTS, ConnectionRejected, Event
from tests.event_strategies import events
from tests.samples import requested, wish

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}


@cache
def validator(name: str) -> Any:
    return jsonschema_rs.validator_for(schema_of(EVENTS[name]))


@given(events())
def test_every_event_comes_out_as_it_went_in(event: Event) -> None:
    sent = Message.of(event, actor="lena", trace=TRACE)
    assert decode(sent.value(), encode_headers(sent.headers())) == sent


@given(events())
def test_every_value_keeps_to_its_published_schema(event: Event) -> None:
    problems = validator(event.type).iter_errors(json.loads(Message.of(event).value()))
    assert [problem.message for problem in problems] == []


@given(events())
def test_the_cloudevents_sdk_reads_what_we_write(event: Event) -> None:
    sent = Message.of(event, actor="lena", trace=TRACE)
    headers = dict(encode_headers(sent.headers()))

    read = from_binary(KafkaMessage(headers, event.key.encode(), sent.value()), JSONFormat(), CloudEvent)

    assert (read.get_id(), read.get_type(), read.get_source()) == (str(sent.id), event.type, event.producer)
    assert (read.get_subject(), read.get_time()) == (event.key, sent.time)
    assert (read.get_datacontenttype(), read.get_extension("actor")) == ("application/json", "lena")
    assert read.get_data() == json.loads(sent.value())


def foreign(**changes: str | bytes | None) -> list[tuple[str, bytes | None]]:
    """The headers of a good event, with some replaced and, for None, left out."""
    headers: dict[str, str | bytes | None] = {**requested(wish()).headers(), **changes}
    return [
        (name, text.encode() if isinstance(text, str) else text)
        for name, text in headers.items()
        if text is not None
    ]


GOOD = requested(wish()).value()


@pytest.mark.parametrize(
    ("value", "headers", "code", "reason"),
    [
        (GOOD, [], "not_a_cloudevent", "ce_id is missing"),
        (GOOD, foreign(ce_id=None), "not_a_cloudevent", "ce_id is missing"),
        (GOOD, foreign(ce_type=""), "not_a_cloudevent", "ce_type is missing"),
        (GOOD, foreign(ce_source=None), "not_a_cloudevent", "ce_source is missing"),
        (GOOD, foreign(ce_specversion="0.3"), "not_a_cloudevent", "'0.3' is not 1.0"),
        (GOOD, foreign(ce_source="onenet-monitor"), "wrong_source", "comes from onenet-api alone"),
        (GOOD, foreign(ce_id="42"), "wrong_header", "UUID"),
        (GOOD, foreign(ce_time="yesterday"), "wrong_header", "yesterday"),
        (GOOD, foreign(ce_actor=b"\xff"), "wrong_header", "not UTF-8"),
        (None, foreign(), "bad_size", "1 to 1000000 bytes"),
        (b"x" * (LARGEST_VALUE + 1), foreign(), "bad_size", "1 to 1000000 bytes"),
        (b"", foreign(), "wrong_schema", "EOF"),
        (b"\x00\xff", foreign(), "wrong_schema", "JSON"),
        (b"[" * 100_000, foreign(), "wrong_schema", "JSON"),
        (GOOD.replace(b'"generation":1', b'"generation":0'), foreign(), "wrong_schema", "generation: Input"),
    ],
)
def test_what_is_no_event_of_ours_is_refused_with_a_stable_code(
    value: bytes | None, headers: list[tuple[str, bytes | None]], code: str, reason: str
) -> None:
    with pytest.raises(Malformed) as refused:
        decode(value, headers)
    assert refused.value.code == code
    assert reason in refused.value.reason


def test_a_header_without_a_value_counts_as_absent() -> None:
    assert decode(GOOD, [*foreign(), ("note", None)]) is not None
    with pytest.raises(Malformed, match="ce_id is missing"):
        decode(GOOD, [*foreign(ce_id=None), ("ce_id", None)])


def test_a_type_of_a_newer_release_is_not_for_us() -> None:
    assert decode(b"whatever", foreign(ce_type="onenet.connection.requested.v9")) is None


def test_a_field_of_a_newer_release_is_ignored() -> None:
    value = GOOD.replace(b"{", b'{"colour":"blue",', 1)
    read = decode(value, foreign())
    assert read is not None
    assert read.event == decode(GOOD, foreign()).event  # type: ignore[union-attr]  # it was read above, too


def test_times_without_a_zone_are_taken_as_utc() -> None:
    read = decode(GOOD, foreign(ce_time="2026-11-22T12:00:00"))
    assert read is not None
    assert read.time == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_an_event_that_no_consumer_would_take_cannot_be_published() -> None:
    reasons = ("x" * LARGEST_VALUE,)
    message = Message.of(ConnectionRejected(connection_id=uuid4(), generation=1, reasons=reasons))
    with pytest.raises(Malformed, match="too large"):
        message.value()


def test_the_answer_to_a_message_is_the_same_however_often_it_is_given() -> None:
    question = Message.of(requested(wish()).event, trace=TRACE)
    answer = ConnectionRejected(connection_id=uuid4(), generation=1, reasons=("no",))
    first, second = question.derive(answer), question.derive(answer)
    assert first.id == second.id != question.id
    assert first.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert Message.of(answer, id=UUID(int=1)).derive(answer).id != first.id


def test_no_trace_has_no_id() -> None:
    assert Message.of(requested(wish()).event, trace={}).trace_id == ""
    assert Message.of(requested(wish()).event, trace={"traceparent": "broken"}).trace_id == ""
