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

CODE = "onenet_error_code"
REASON = "onenet_error"
GROUP = "onenet_group"
SOURCE = "onenet_source"
ATTEMPTS = "onenet_attempts"
"""How often the record has failed; a replayed record carries it along."""
REPLAYED = "onenet_replayed"
"""On a replayed record: which dead letter it was."""
CUT = ("onenet_truncated_from", "onenet_headers_from")
"""The size of the value, and the number of headers, where not all could be kept."""
OURS = frozenset({CODE, REASON, GROUP, SOURCE, ATTEMPTS, REPLAYED, *CUT})

Headers = Sequence[tuple[str, bytes | None]]


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


def source_of(topic: str) -> str:
    """Whose dead letters this topic has."""
    return topic.removesuffix(".dead")


def attempts(headers: Headers) -> int:
    """How often a record has failed so far; 0 for one that was never replayed, or says nonsense."""
    texts = [text for name, text in headers if name == ATTEMPTS and text]
    return int(texts[-1]) if texts and texts[-1].isdigit() and len(texts[-1]) <= 9 else 0


def original(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The headers without those that are ours."""
    return [(name, text) for name, text in headers if name not in OURS]


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
        CODE: code,
        REASON: reason[:LARGEST_REASON].encode(errors="replace").decode(),
        GROUP: group,
        SOURCE: f"{record.topic}/{record.partition}/{record.offset}",
        ATTEMPTS: str(attempts(record.headers) + 1),
    }
    if value is not None and len(value) > LARGEST_VALUE:
        extra[CUT[0]] = str(len(value))
        value = value[:LARGEST_VALUE]
    theirs = original(record.headers)
    kept = _fitting(theirs)
    if len(kept) < len(theirs):
        extra[CUT[1]] = str(len(theirs))
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
