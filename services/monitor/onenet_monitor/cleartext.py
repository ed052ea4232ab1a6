"""Protocols that show their content to everybody on the way, by their ports."""

from __future__ import annotations

import re

TCP, UDP = 6, 17
_NUMBERS = {"tcp": TCP, "udp": UDP}
_NAMES = {TCP: "tcp", UDP: "udp"}

DEFAULT = (
    "tcp/21=ftp tcp/23=telnet tcp/25=smtp tcp/80=http tcp/110=pop3 tcp/143=imap tcp/389=ldap tcp/512=rexec "
    "tcp/513=rlogin tcp/514=rsh udp/161=snmp udp/69=tftp tcp/1433=sqlserver tcp/1521=oracle tcp/1883=mqtt "
    "tcp/3306=mysql tcp/5432=postgresql tcp/6379=redis tcp/8080=http tcp/9092=kafka tcp/9200=elasticsearch "
    "tcp/11211=memcached tcp/27017=mongodb"
)
"""Assigned ports of protocols that begin without TLS (IANA service name and port number registry). Some of
these can change to TLS on the same port, which flow logs do not show: the operator knows, and says so."""

_ENTRY = re.compile(r"(tcp|udp)/(\d{1,5})=([a-z0-9-]{1,40})")

Protocols = dict[tuple[int, int], str]


def parse(text: str) -> Protocols:
    """Names by protocol number and port.

    Raises:
        ValueError: naming the entry that is not ``tcp/80=http``.
    """
    found: Protocols = {}
    for entry in text.split():
        match = _ENTRY.fullmatch(entry)
        if match is None or not 1 <= int(match[2]) <= 65535:
            raise ValueError(f"{entry!r} is no protocol in the clear; write tcp/80=http")
        found[(_NUMBERS[match[1]], int(match[2]))] = match[3]
    return found


def shown(protocol: int, port: int) -> str:
    """Such as ``tcp/80``; ``protocol 47`` for those without ports."""
    name = _NAMES.get(protocol)
    return f"{name}/{port}" if name else f"protocol {protocol}"
