"""Where deliveries may go: the public internet, and nothing that only we can reach. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

LONGEST = 2000

Address = IPv4Address | IPv6Address

_CARRIERS = tuple(
    IPv6Network(block)
    for block in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 that leads to an IPv4 address: mapped, NAT64, 6to4, Teredo, compatible."""
_INTERNAL = tuple(ip_network(block) for block in ("168.63.129.16/32", "fec0::/10"))
"""Not private by the registries: Azure's platform address, and what site-local once was."""


class TargetRefused(Exception):
    """The words may be shown to the webhook's owner."""


def checked(url: str, *, loopback: bool) -> SplitResult:
    """A URL that a webhook may have, in parts.

    Args:
        loopback: whether this machine itself, and http to it, is allowed: for development.

    Raises:
        TargetRefused: with what would be right.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise TargetRefused("not a URL; https://host/path is expected") from None
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise TargetRefused(f"up to {LONGEST} printable ASCII characters without spaces are expected")
    if not host or parts.scheme not in ("https", "http"):
        raise TargetRefused("https://host/path is expected")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefused("user, password and fragment do not belong into the URL")
    if parts.scheme == "http" and not (loopback and is_loopback(host)):
        raise TargetRefused("https is needed")
    if (literal := _literal(host)) is not None:
        permitted([literal], loopback=loopback)
    return parts


def permitted(addresses: Sequence[Address], *, loopback: bool) -> Sequence[Address]:
    """These addresses, when every one of them may be connected to.

    Raises:
        TargetRefused: when one may not, or there is none.
    """
    if not addresses:
        raise TargetRefused("the host has no address")
    for address in addresses:
        if not _public(address) and not (loopback and address.is_loopback):
            raise TargetRefused(f"{address} is no public address")
    return addresses


def is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


def _public(address: Address) -> bool:
    if address.is_multicast or not address.is_global or any(address in block for block in _INTERNAL
                                                            if block.version == address.version):  # fmt: skip
        return False
    return address.version == 4 or not any(address in block for block in _CARRIERS)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
