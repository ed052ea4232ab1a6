"""Keeps the logs readable while something is away: what repeats itself is said once in a while."""

from __future__ import annotations

import logging
from math import inf

PAUSE = 10.0


class OnceInAWhile(logging.Filter):
    """Lets each sentence of a library pass at most once in ``PAUSE`` seconds.

    Kafka's client tries to reach a broker that is away ten times a second, with a handful of
    sentences each time. Sentences are told apart by their template, not by what is filled in.

    Args:
        library: the first word of its loggers' names; what others log passes.
    """

    def __init__(self, library: str) -> None:
        super().__init__()
        self._library = library
        self._passed: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != self._library:
            return True
        sentence = (record.name, record.msg)
        if record.created - self._passed.get(sentence, -inf) < PAUSE:
            return False
        self._passed[sentence] = record.created
        return True
