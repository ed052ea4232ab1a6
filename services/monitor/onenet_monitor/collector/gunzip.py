"""Inflating a gzip file as it comes, in bounded memory, up to where it breaks. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zlib import _Decompress

MAGIC = b"\x1f\x8b"
PIECE = 256 * 1024
"""Bytes inflated at a time, however much a few bytes may stand for."""

_GZIP = 31
"""zlib's window bits for a gzip wrapping of the widest window."""


class Damaged(Exception):
    """Nothing more can be had of the file; ``reason`` is a word for metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gunzip:
    """One file of one or more gzip members.

    Args:
        largest: bytes after which the rest of the file is left out.
    """

    def __init__(self, *, largest: int) -> None:
        self._room = largest
        self._begun = False
        self._undecided = b""
        self._member: _Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the file inflate to.

        What comes out does not depend on how the file is divided.

        Raises:
            Damaged: after all that is good has come out.
        """
        while data:
            if self._member is None:
                data = self._undecided + data
                self._undecided = b""
                if len(data) < len(MAGIC):
                    self._undecided = data
                    return
                self._member = self._begin(data)
            yield from self._inflate(self._member, data)
            data = self._member.unused_data
            if self._member.eof:
                self._member = None

    def finish(self) -> None:
        """Say that the file has ended.

        Raises:
            Damaged: when it should not have.
        """
        if not self._begun:
            raise Damaged("not_gzip")
        if self._member is not None or self._undecided:
            raise Damaged("truncated")

    def _begin(self, data: bytes) -> _Decompress:
        if not data.startswith(MAGIC):
            raise Damaged("corrupt" if self._begun else "not_gzip")
        self._begun = True
        return zlib.decompressobj(_GZIP)

    def _inflate(self, member: _Decompress, data: bytes) -> Iterator[bytes]:
        while True:
            before = member.copy()
            try:
                piece = member.decompress(data, PIECE)
            except zlib.error:
                yield from self._within(_salvaged(before, data))
                raise Damaged("corrupt") from None
            yield from self._within(piece)
            data = member.unconsumed_tail
            if member.eof or not (data or len(piece) == PIECE):
                return

    def _within(self, piece: bytes) -> Iterator[bytes]:
        kept = piece[: self._room]
        self._room -= len(kept)
        if kept:
            yield kept
        if len(kept) < len(piece):
            raise Damaged("too_large")


def _salvaged(member: _Decompress, data: bytes) -> bytes:
    """What is good before the byte that breaks it: zlib gives nothing back of a call that fails."""
    good = bytearray()
    try:
        for place in range(len(data)):
            good += member.decompress(data[place : place + 1])
    except zlib.error:
        pass
    return bytes(good)
