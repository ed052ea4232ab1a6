"""Spans name the ctype that an event is about: the one decided on, before that the one asked for."""

from __future__ import annotations

import pytest

from onenet_common.connection import CType
from onenet_common.events import ConnectionDelayed, ConnectionEvent, ConnectionRequested
from onenet_common.tracing import _subject_of, subject
from tests.samples import evaluated, wish

WISH = wish()


def requested(ctype: CType | None) -> ConnectionEvent:
    asked = wish(ctype=ctype)
    return ConnectionRequested(connection_id=asked.id, generation=1, wish=asked)


def delayed(ctype: CType | None) -> ConnectionEvent:
    return ConnectionDelayed(connection_id=WISH.id, generation=1, code="x", reason="y", ctype=ctype)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (requested(None), None),
        (requested(CType.AWS_PEERING), "AWS_PEERING"),
        (evaluated(WISH).event, "AWS_PEERING"),
        (delayed(CType.AWS_PEERING), "AWS_PEERING"),
        (delayed(None), None),
    ],
)
def test_both_the_sender_and_the_receiver_name_it(event: ConnectionEvent, named: str | None) -> None:
    assert subject(event).get("onenet.ctype") == named
    assert _subject_of(event.model_dump_json().encode()).get("onenet.ctype") == named


@pytest.mark.parametrize("value", [b"[]", b"{", b'{"wish": 1}', b'{"generation": "x"}', None])
def test_what_is_no_event_names_nothing(value: bytes | None) -> None:
    assert "onenet.ctype" not in _subject_of(value)
