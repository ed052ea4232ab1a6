"""Which of two ports names the service. Pure.

One end of a conversation has the port that the service is known by, the other an ephemeral one that its
system picked. Ephemeral are 49152 and above (RFC 6335, section 6) and, since Linux picks from 32768 to
60999 (net.ipv4.ip_local_port_range), all from 32768 on, unless a service is known to use the port. Of two
that may both be a service's, the better known one counts, then the lower. When both are ephemeral the
service is not known: 0, so that no port makes a sum of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

SYSTEM = 1024
"""Below it, ports are assigned by IETF review (RFC 6335, section 6)."""
EPHEMERAL = 32768

KNOWN = (
    *(1080, 1194, 1433, 1521, 1701, 1723, 1812, 1813, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3000, 3128),
    *(3260, 3268, 3269, 3306, 3389, 3478, 4222, 4317, 4318, 4369, 4500, 4789, 5000, 5044, 5060, 5061, 5222),
    *(5432, 5433, 5671, 5672, 5900, 5984, 5985, 5986, 6081, 6379, 6443, 6514, 7000, 7001, 7077, 7474, 7687),
    *(8000, 8006, 8080, 8081, 8086, 8088, 8125, 8200, 8300, 8301, 8443, 8500, 8883, 8888, 9000, 9042, 9090),
    *(9092, 9093, 9094, 9100, 9160, 9200, 9300, 9418, 9999, 10250, 10255, 11211, 11434, 15672, 25565, 25672),
    *(26257, 27017, 27018, 27019, 28015, 33060, 44818, 47808, 50051, 50070, 51820, 61613, 61616),
)
"""Above the system's ports, those that services of companies' networks listen on, most of them registered
with IANA."""

WITH_PORTS = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP, UDP-Lite (iana.org/assignments/protocol-numbers)."""

_KNOWN, _POSSIBLE, _EPHEMERAL = range(3)


class Services(NamedTuple):
    """By record: the service's port, 0 when none is known, and whether the source has it: a reply."""

    port: NDArray[np.uint16]
    reply: NDArray[np.bool_]


def services(protocol: pl.Series, src_port: pl.Series, dst_port: pl.Series) -> Services:
    """What each record's ports say of the service."""
    source, target = src_port.to_numpy(), dst_port.to_numpy()
    theirs, ours = _RANKS[source], _RANKS[target]
    reply = (theirs < ours) | ((theirs == ours) & (source < target))
    port = np.where(reply, source, target)
    named = _HAS_PORTS[protocol.to_numpy()] & (np.minimum(theirs, ours) < _EPHEMERAL)
    return Services(np.where(named, port, 0).astype(np.uint16), reply & named)


def _ranks() -> NDArray[np.uint8]:
    ranks = np.full(65536, _POSSIBLE, dtype=np.uint8)
    ranks[:SYSTEM] = _KNOWN
    ranks[EPHEMERAL:] = _EPHEMERAL
    ranks[list(KNOWN)] = _KNOWN
    ranks[0] = _EPHEMERAL
    return ranks


_RANKS = _ranks()
_HAS_PORTS = np.isin(np.arange(256), WITH_PORTS)
