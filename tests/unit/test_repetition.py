"""A broker that is away is told of, and does not fill the disk."""

from __future__ import annotations

import logging

from onenet_common.repetition import PAUSE, OnceInAWhile

AWAY = "Unable connect to node with id %s: %s"


def said(name: str, sentence: str, *, at: float) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, sentence, (), None)
    record.created = at
    return record


def test_what_repeats_itself_passes_once_in_a_while() -> None:
    sparing = OnceInAWhile("aiokafka")
    times = [tenth * PAUSE / 100 for tenth in range(250)]
    passed = [at for at in times if sparing.filter(said("aiokafka", AWAY, at=at))]
    assert passed == [0, PAUSE, 2 * PAUSE]


def test_what_is_said_by_another_logger_or_otherwise_passes() -> None:
    sparing = OnceInAWhile("aiokafka")
    others = [("aiokafka", AWAY), ("aiokafka", "Heartbeat failed"), ("aiokafka.consumer", AWAY)]
    assert all(sparing.filter(said(name, sentence, at=1)) for name, sentence in others)


def test_our_own_words_pass_always() -> None:
    sparing = OnceInAWhile("aiokafka")
    assert all(sparing.filter(said(name, AWAY, at=1)) for name in ("onenet_common.bus", "aiokafkaesque") * 2)
