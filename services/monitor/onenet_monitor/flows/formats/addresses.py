"""Addresses as text, in the one spelling that they are compared in."""

from __future__ import annotations

import socket

import polars as pl

_MAPPED = "::ffff:"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}(?:\.{_OCTET}){{3}}$"


def canonical(column: pl.Series) -> pl.Series:
    """IPv4 as it is, IPv6 as RFC 5952 has it, IPv4 mapped into IPv6 as IPv4; null for what is neither.

    An octet with a leading zero is no address: some read it as octal.
    """
    plain = column.str.contains(_IPV4)
    if plain.all():
        return column
    others = column.filter(~plain).unique()
    spelt = pl.Series([_spelt(one) for one in others], dtype=pl.String)
    return column.replace(others, spelt)


def _spelt(text: str) -> str | None:
    try:
        spelt = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None
    return spelt.removeprefix(_MAPPED) if "." in spelt else spelt
