"""Which addresses are reachable over the internet at all, as IANA's registries of special purpose have it
(RFC 6890; iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, 2025-10)."""

from __future__ import annotations

from ipaddress import ip_network

from onenet_common.addresses import Network

_ROUTABLE = ("0.0.0.0/0", "192.0.0.9/32", "192.0.0.10/32", "2000::/3", "64:ff9b::/96")
_IPV4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_IPV6 = ("::/0", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

ROUTABLE: tuple[Network, ...] = tuple(map(ip_network, _ROUTABLE))
"""Prefixes of the internet, where no longer one of ``SPECIAL`` is inside."""

SPECIAL: tuple[Network, ...] = tuple(map(ip_network, (*_IPV4, *_IPV6)))
"""Prefixes of private, local, shared, documentation, benchmarking, multicast and reserved addresses."""
