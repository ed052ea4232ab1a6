"""CIDR blocks and sets of them, compared by prefix and never as strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def parse_network(value: Any) -> Network:
    """Read one canonical CIDR block.

    Args:
        value: a network object or text such as ``10.0.0.0/16``.

    Raises:
        ValueError: naming the value and, where it can be guessed, what would be right.
    """
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str) or len(value) > 49:
        raise ValueError("a CIDR block is text such as 10.0.0.0/16 or 2001:db8::/56")
    if "/" not in value:
        raise ValueError(f"{value!r} has no prefix length; write it like 10.0.0.0/16")
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not a CIDR block; write it like 10.0.0.0/16") from None
    try:
        return ip_network(value, strict=True)
    except ValueError:
        raise ValueError(f"{value!r} has host bits set; did you mean {network}?") from None


def parse_address(value: str) -> Address:
    """Read one IP address.

    Raises:
        ValueError: naming the value.
    """
    try:
        return ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address; write it like 10.0.0.7") from None


Cidr = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(parse_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "cidr", "maxLength": 49, "examples": ["10.0.0.0/16"]}),
]


def _span(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), int(network.broadcast_address)


@dataclass(frozen=True, slots=True)
class CidrSet:
    """An unordered set of CIDR blocks of either IP version.

    Args:
        blocks: the blocks as given, sorted and without repeats; they may overlap each other.
    """

    blocks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, blocks: Iterable[Network | str]) -> CidrSet:
        """Build a set from blocks in any order.

        Raises:
            ValueError: when a text is not a canonical CIDR block.
        """
        return cls(tuple(sorted({parse_network(block) for block in blocks}, key=_span)))

    def __iter__(self) -> Iterator[Network]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def __contains__(self, address: Address) -> bool:
        return any(block.version == address.version and address in block for block in self.blocks)

    def overlaps(self, other: CidrSet) -> list[tuple[Network, Network]]:
        """Every pair of blocks, ours first, that share at least one address.

        A sweep over both sorted sets: two CIDR blocks overlap only when one contains the
        other, so a block's overlaps are a contiguous run once both are sorted.
        """
        pairs: list[tuple[Network, Network]] = []
        theirs = [(_span(block), block) for block in other.blocks]
        first = 0
        for block in self.blocks:
            version, low, high = _span(block)
            while first < len(theirs) and _ends_before(theirs[first][0], version, low):
                first += 1
            for (their_version, their_low, their_high), candidate in theirs[first:]:
                if (their_version, their_low) > (version, high):
                    break
                if their_version == version and their_high >= low:
                    pairs.append((block, candidate))
        return pairs

    def strings(self) -> list[str]:
        return [str(block) for block in self.blocks]


def _ends_before(span: tuple[int, int, int], version: int, low: int) -> bool:
    return (span[0], span[2]) < (version, low)
