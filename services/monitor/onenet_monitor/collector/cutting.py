"""Cutting a flow-log file's text into messages that can be read one by one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onenet_monitor.collector.gunzip import Damaged

MESSAGE_BYTES = 500_000
"""The largest message, header line included; half of what a broker takes by default.

Where messages are cut decides which lines have which identity. Before this is changed, the queue has to
run dry: a file that is read half by the old release and half by the new one would be counted twice in part.
"""

LONGEST_HEADER = 8_192
_HEADER = re.compile(rb"[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)+")


class Cutter:
    """Messages of whole lines, each beginning with the file's first line, which names the fields.

    Cuts do not depend on how the text is divided when it comes. ``overlong`` counts lines left out because
    no message could hold them.
    """

    def __init__(self, limit: int = MESSAGE_BYTES) -> None:
        self._limit = limit
        self._header = b""
        self._pending = bytearray()
        self._skipping = False
        self.overlong = 0

    def feed(self, text: bytes) -> Iterator[bytes]:
        """The messages that are full.

        Raises:
            Damaged: the first line does not name fields.
        """
        self._pending += text
        if not self._header and not self._take_header():
            return
        room = self._limit - len(self._header)
        while self._skip() and len(self._pending) > room:
            end = self._pending.rfind(b"\n", 0, room) + 1
            if end:
                yield self._message(end)
            else:
                self._skipping = True
                self.overlong += 1

    def finish(self, *, whole: bool) -> Iterator[bytes]:
        """The last message.

        Args:
            whole: the text ended where it should; otherwise its last line is half a line, which may look
                like a whole one with a smaller number at its end.

        Raises:
            Damaged: there was no first line.
        """
        if not self._header:
            if whole and not self._pending:
                return
            raise Damaged("no_header")
        end = len(self._pending) if whole else self._pending.rfind(b"\n") + 1
        if end and not self._skipping:
            yield self._message(end)

    def _take_header(self) -> bool:
        end = self._pending.find(b"\n", 0, LONGEST_HEADER) + 1
        if not end and len(self._pending) < LONGEST_HEADER:
            return False
        if not _HEADER.fullmatch(self._pending[:end].rstrip()):
            raise Damaged("no_header")
        self._header = bytes(self._pending[:end])
        del self._pending[:end]
        return True

    def _skip(self) -> bool:
        """Leave out the rest of an overlong line; whether that is done."""
        if self._skipping:
            end = self._pending.find(b"\n") + 1
            self._skipping = not end
            del self._pending[: end or len(self._pending)]
        return not self._skipping

    def _message(self, end: int) -> bytes:
        message = self._header + bytes(self._pending[:end])
        del self._pending[:end]
        return message
