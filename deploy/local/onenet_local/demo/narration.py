"""Tells the demo's steps as they happen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from aiokafka.errors import KafkaError

from onenet_common.errors import OneNetError

WIDTH = 96


class StepFailed(Exception):
    """A step of the demo did not go as told; the message says why."""


EXPECTED = (StepFailed, OneNetError, KafkaError, OSError)
"""How a demo may end that cannot go on; all else is a mistake of its own."""


class Narrator:
    """Prints one block a step: its title, what was seen, and OK or FAILED.

    Args:
        output: where to; the terminal by default.
    """

    def __init__(self, output: TextIO = sys.stdout) -> None:
        self._output = output
        self._steps = 0

    def say(self, sentence: str = "") -> None:
        self._output.write(f"{sentence}\n")
        self._output.flush()

    def detail(self, sentence: str) -> None:
        """One line of what was seen in the current step."""
        self.say(f"      {sentence}")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Tell a step. Errors inside it pass through, told as FAILED."""
        self._steps += 1
        began = time.monotonic()
        self.say(f"\n{self._steps:3}. {title}")
        try:
            yield
        except BaseException:
            self._end("FAILED", began)
            raise
        self._end("OK", began)

    def _end(self, word: str, began: float) -> None:
        self.say(f"{word:>{WIDTH - 8}} {time.monotonic() - began:5.1f} s")
