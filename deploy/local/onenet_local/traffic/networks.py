"""The networks that traffic is made up for."""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

HOSTS = 8
"""How many hosts of a network talk."""


@dataclass(frozen=True, slots=True)
class Network:
    """One network.

    Args:
        id: the provider's name for it, such as ``vpc-0a1b``.
        account: whose it is.
        block: the CIDR that its hosts are in.
        public: the address by which the internet sees them; made up of the id when not told.
        region: of the provider's, where it has any.
    """

    id: str
    account: str
    block: str
    public: str = ""
    region: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From a resource as the API or an event shows it.

        Raises:
            ValueError: naming the field that is missing or wrong.
        """
        for name in ("native_id", "account", "subnet"):
            if not isinstance(given.get(name), str):
                raise ValueError(f"{name}: a network needs this text, got {given.get(name)!r}")
        block = str(ipaddress.ip_network(given["subnet"]))
        return cls(
            given["native_id"], given["account"], block, given.get("public", ""), given.get("region", "")
        )

    @property
    def hosts(self) -> list[str]:
        """The addresses that talk, the first ones that a host may have."""
        block = ipaddress.ip_network(self.block)
        first = min(10, block.num_addresses - 1)
        return [str(block[first + place]) for place in range(min(HOSTS, block.num_addresses - first))]

    @property
    def seen_as(self) -> str:
        """Its address on the internet, within a range that is reserved for examples."""
        return self.public or f"203.0.113.{self._number % 254 + 1}"

    def interface(self, address: str) -> str:
        """The network interface of a host."""
        return f"eni-{self._number:08x}{int(ipaddress.ip_address(address)) & 0xFFFFFFFFF:09x}"

    @property
    def _number(self) -> int:
        return zlib.crc32(self.id.encode())
