"""Dead letters: what could not be processed, kept as it came, with the reason beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from onenet_common.producer import Outgoing

LARGEST_VALUE = 900_000
LARGEST_HEADERS = 50_000
LARGEST_KEY = 20_000
"""Bytes of the original that are kept; all together, and our reason, have to fit Kafka's 1 MiB."""

LARGEST_REASON = 2_000


class Record(Protocol):
    """A record as a Kafka consumer hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def topic_of(topic: str) -> str:
    """Where the dead letters of a topic go."""
    return f"{topic}.dead"


def wrap(record: Record, *, code: str, reason: str, group: str) -> Outgoing:
    """The record for the dead-letter topic: key, value and headers as they came, cut where they are
    larger than one record may be, and what went wrong.

    Args:
        code: a stable word for the kind of failure.
        reason: a sentence for people.
        group: who could not process it.
    """
    value = record.value
    extra = {
        "onenet_error_code": code,
        "onenet_error": reason[:LARGEST_REASON].encode(errors="replace").decode(),
        "onenet_group": group,
        "onenet_source": f"{record.topic}/{record.partition}/{record.offset}",
    }
    if value is not None and len(value) > LARGEST_VALUE:
        extra["onenet_truncated_from"] = str(len(value))
        value = value[:LARGEST_VALUE]
    theirs = [(name, text) for name, text in record.headers if name not in extra]
    kept = _fitting(theirs)
    if len(kept) < len(theirs):
        extra["onenet_headers_from"] = str(len(theirs))
    return Outgoing(
        topic_of(record.topic),
        record.key[:LARGEST_KEY] if record.key is not None else None,
        value,
        kept + [(name, text.encode()) for name, text in extra.items()],
    )


def _fitting(headers: Sequence[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """The first headers, as many as fit."""
    room = LARGEST_HEADERS
    kept = []
    for name, text in headers:
        room -= len(name.encode()) + len(text or b"")
        if room < 0:
            break
        kept.append((name, text))
    return kept
