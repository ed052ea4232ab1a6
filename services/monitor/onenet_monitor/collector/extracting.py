"""From the bytes of a flow-log file to messages, as far as the file is good. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from onenet_monitor.collector.cutting import Cutter
from onenet_monitor.collector.gunzip import Damaged, Gunzip


class Extraction:
    """One file. ``damage`` says why the rest of it is left out, once that is so.

    Args:
        largest: bytes of text after which the rest is left out.
    """

    def __init__(self, *, largest: int) -> None:
        self._gunzip = Gunzip(largest=largest)
        self._cutter = Cutter()
        self.damage: str | None = None

    @property
    def overlong(self) -> int:
        """Lines left out because no message could hold them."""
        return self._cutter.overlong

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are full after the next bytes; nothing any more after damage."""
        if self.damage:
            return
        try:
            for text in self._gunzip.feed(data):
                yield from self._cutter.feed(text)
        except Damaged as damaged:
            self.damage = damaged.reason

    def finish(self) -> Iterator[bytes]:
        """The last message, when the file has ended or is damaged."""
        try:
            if not self.damage:
                self._gunzip.finish()
        except Damaged as damaged:
            self.damage = damaged.reason
        try:
            yield from self._cutter.finish(whole=self.damage is None)
        except Damaged as damaged:
            self.damage = self.damage or damaged.reason
