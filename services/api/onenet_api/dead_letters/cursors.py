"""The cursor of a list of dead letters: of each partition, where to go on reading backwards."""

from __future__ import annotations

import base64
import zlib

from pydantic import TypeAdapter, ValidationError

from onenet_api.dead_letters.reader import Bounds
from onenet_api.problems import invalid

LARGEST = 100_000
"""Bytes that a cursor unpacks to; thousands of partitions need less."""

_ENTRIES = TypeAdapter(list[tuple[str, int, int]])


def encode(bounds: Bounds) -> str:
    entries = [(topic, partition, end) for (topic, partition), end in bounds.items()]
    return base64.urlsafe_b64encode(zlib.compress(_ENTRIES.dump_json(entries))).decode()


def decode(cursor: str) -> Bounds:
    """Read a cursor back.

    Raises:
        Problem: 422 when it is mangled.
    """
    try:
        packed = base64.urlsafe_b64decode(cursor.encode())
        entries = _ENTRIES.validate_json(zlib.decompressobj().decompress(packed, LARGEST))
    except (ValueError, ValidationError, zlib.error):
        raise invalid("cursor", cursor, "pass `next` of the page before, unchanged") from None
    return {(topic, partition): end for topic, partition, end in entries}
