"""JSON objects out of a stream, whatever holds them together: lines, an array, ``{"records": [...]}``."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from onenet_monitor.flows.formats.inflate import BrokenOff
from onenet_monitor.flows.formats.reading import Reason, Refusal

LONGEST = 16 << 20
"""Characters of one object at most; as much is held."""

Object = dict[str, Any]

_BETWEEN = re.compile(r"[\s,\[\]}]*")
_WRAPPER = re.compile(r'\{\s*"records"\s*:\s*\[')
_LOOK_AHEAD = 256
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', re.DOTALL)
_decode = json.JSONDecoder().raw_decode


def objects(pieces: Iterable[bytes]) -> Iterator[Object | Refusal]:
    """Each object at the top; what is none costs itself, but one that never closes costs what follows."""
    splitter = _Splitter()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ended: Reason = "fields"
    try:
        for piece in pieces:
            yield from splitter.take(decoder.decode(piece))
            if splitter.waiting > LONGEST:
                yield Refusal.of("oversize", splitter.rest)
                return
    except BrokenOff as broken:
        ended = broken.reason
    yield from splitter.take("", last=True)
    if splitter.rest or ended != "fields":
        yield Refusal.of(ended, splitter.rest)


def load(text: str | bytes) -> Object | None:
    """The object that this text is; None when it is anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def text(value: object) -> str | None:
    """A value as text, as polars has it: text as it is, all else as JSON."""
    if value is None:
        return None
    if not isinstance(value, str):
        return json.dumps(value)
    # Half a surrogate pair is legal in JSON and in no text.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


class _Splitter:
    """Holds text until the object in it is complete."""

    def __init__(self) -> None:
        self._text = ""
        self._place = 0

    @property
    def rest(self) -> str:
        """What is not complete yet."""
        return self._text[self._place :]

    @property
    def waiting(self) -> int:
        """How long that is."""
        return len(self._text) - self._place

    def take(self, more: str, *, last: bool = False) -> Iterator[Object | Refusal]:
        """What is complete with this text, which may be the last."""
        self._text, self._place = self.rest + more, 0
        while True:
            between = _BETWEEN.match(self._text, self._place)
            self._place = between.end() if between else self._place
            if not self.waiting or (not last and self.waiting < _LOOK_AHEAD):
                return
            if wrapper := _WRAPPER.match(self._text, self._place):
                self._place = wrapper.end()
                continue
            found, end = self._next()
            if end is None:
                return
            self._place = end
            yield found

    def _next(self) -> tuple[Object | Refusal, int | None]:
        """The object here, or a refusal of what is here instead, and where that ends, if it does."""
        text, place = self._text, self._place
        if text[place] != "{":
            end = text.find("{", place)
            end = len(text) if end < 0 else end
            return Refusal.of("fields", text[place:end]), end
        try:
            value, end = _decode(text, place)
        except (ValueError, RecursionError):
            closing = _closing(text, place)
            return Refusal.of("fields", text[place:closing]), closing
        return value, end


def _closing(text: str, place: int) -> int | None:
    """The end of the object that begins here, by its braces alone."""
    depth = 0
    for token in _TOKEN.finditer(text, place):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                return token.end()
    return None
