"""Where a stream stands: of each partition the next offset, as an opaque event id. Pure."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping

from onenet_common.events import CONNECTIONS, FINDINGS, INVENTORY

TOPICS = (CONNECTIONS, INVENTORY, FINDINGS)
"""What owners are told of. Their order is part of the ids; a new one comes last, where older ids end."""
LONGEST = 24_000
"""Characters of an id; a thousand partitions of each topic need fewer."""
LARGEST_OFFSET = 2**62
_VERSION = 1

Partition = tuple[str, int]
Positions = Mapping[Partition, int]


def encode(positions: Positions) -> str:
    """An id whose stream continues at these offsets."""
    packed = bytearray([_VERSION])
    for topic in TOPICS:
        offsets = [positions[partition] for partition in sorted(positions) if partition[0] == topic]
        for number in (len(offsets), *offsets):
            packed += _varint(number)
    return base64.urlsafe_b64encode(packed + _checksum(packed)).rstrip(b"=").decode()


def decode(text: str) -> Positions:
    """Read an id back.

    Raises:
        ValueError: when it is not one of ours.
    """
    if len(text) > LONGEST or not text.isascii():
        raise ValueError("too long for an id of ours, or not ASCII")
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    content, checksum = packed[:-4], packed[-4:]
    if not content or content[0] != _VERSION or checksum != _checksum(content):
        raise ValueError("not an id of ours")
    numbers = _varints(content[1:])
    positions: dict[Partition, int] = {}
    try:
        for topic in TOPICS:
            for partition in range(next(numbers, 0)):
                positions[topic, partition] = next(numbers)
    except StopIteration:
        raise ValueError("not an id of ours") from None
    if any(offset > LARGEST_OFFSET for offset in positions.values()):
        raise ValueError("not an offset")
    return positions


def _checksum(content: bytes | bytearray) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _varints(content: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in content:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
