"""From a stream, compressed or not, to whole lines in blocks, with bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from onenet_monitor.flows.formats.reading import Reason, Refusal

BLOCK = 8 << 20
"""Bytes that are held and read at once; no line may be longer."""

GZIP = b"\x1f\x8b"
_COMPRESSED = 256 << 10


class BrokenOff(Exception):
    """The input ends before its end: what was read of it stands, what was under way does not."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def chunks(stream: BinaryIO, limit: int | None = None) -> Iterator[bytes]:
    """The content in pieces of about ``BLOCK`` bytes, inflated if it is gzip.

    Args:
        limit: how many bytes of content are wanted at most; None: all.

    Raises:
        BrokenOff: after the last good piece, when compressed data is damaged or the limit is reached.
    """
    left = limit
    for piece in _pieces(stream):
        if left is not None and len(piece) > left:
            yield piece[:left]
            raise BrokenOff("oversize")
        if left is not None:
            left -= len(piece)
        yield piece


def lines(pieces: Iterable[bytes]) -> Iterator[bytes | Refusal]:
    """The same content cut at line ends; a line longer than ``BLOCK`` becomes a refusal."""
    carry = b""
    skipping = False
    try:
        for piece in pieces:
            end = piece.rfind(b"\n") + 1
            if end:
                # What is left of a line that was too long ends here.
                begin = piece.index(b"\n") + 1 if skipping else 0
                skipping = False
                if block := carry + piece[begin:end]:
                    yield block
                carry = piece[end:]
            elif not skipping:
                carry += piece
            if len(carry) > BLOCK:
                yield Refusal.of("oversize", carry)
                carry, skipping = b"", True
    except BrokenOff as broken:
        yield Refusal.of(broken.reason, carry)
        return
    if carry:
        yield carry


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    head = stream.read(_COMPRESSED)
    if head.startswith(GZIP):
        yield from _inflated(head, stream)
        return
    while head:
        yield head
        head = stream.read(BLOCK)


def _inflated(data: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """The content of gzip members, one after the other.

    ``max_length`` bounds what a piece can grow to, so that a small input that inflates to gigabytes
    costs no more memory than any other.
    """
    member = zlib.decompressobj(wbits=31)
    while data:
        try:
            piece = member.decompress(data, BLOCK)
        except zlib.error:
            raise BrokenOff("gzip") from None
        if piece:
            yield piece
        if member.eof:
            data = member.unused_data.lstrip(b"\0") or stream.read(_COMPRESSED).lstrip(b"\0")
            if not data:
                return
            member = zlib.decompressobj(wbits=31)
        else:
            data = member.unconsumed_tail or stream.read(_COMPRESSED)
    raise BrokenOff("gzip")
