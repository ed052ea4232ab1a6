"""The same flows as nfdump has them: sent as NetFlow v9 to nfcapd, which writes nfdump's own binary file.

So nfdump reads no text, and its question is an easier one than ours: bytes by pair of /24 networks and
protocol. It knows neither minutes, nor which of two ports is the service's, nor connections.
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl

from onenet_local.probes import HOST, free_port

QUESTION = ("-A", "proto,srcip4/24,dstip4/24", "-q", "-o", "fmt:%pr %sa %da %pkt %byt %fl")
_FIELDS = {
    "srcaddr": (8, ">u4"),
    "dstaddr": (12, ">u4"),
    "srcport": (7, ">u2"),
    "dstport": (11, ">u2"),
    "protocol": (4, ">u1"),
    "packets": (2, ">u8"),
    "bytes": (1, ">u8"),
    "start": (22, ">u4"),
    "end": (21, ">u4"),
}
"""By the fields of the text: types of NetFlow v9 (RFC 3954, section 8), and how each is written."""
_RECORD = np.dtype([(name, kind) for name, (_, kind) in _FIELDS.items()])
_TEMPLATE, _RECORDS = 256, 36
"""Records of a packet, so that it fits into 1,500 bytes."""
_UPTIME = 3_600_000
_PAUSE = 0.002
"""Seconds after every few packets: UDP loses what nobody has read in time."""


def there() -> bool:
    """Whether this machine has nfdump and nfcapd."""
    return all(shutil.which(name) for name in ("nfdump", "nfcapd"))


def capture(file: Path) -> Path:
    """The flow logs of a text file, as a file of nfdump's.

    Raises:
        RuntimeError: packets were lost on the way.
    """
    folder = file.with_name("nfdump")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    flows = pl.read_csv(file, separator=" ", columns=list(_FIELDS))
    port = free_port()
    command = (_path("nfcapd"), "-b", HOST, "-p", str(port), "-w", str(folder), "-t", "3600", "-B", "8000000")
    with subprocess.Popen(  # noqa: S603  # what is run is written here
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as collector:
        time.sleep(1)  # nfcapd says neither when it listens nor when it has read all; loss is found below
        _send(flows, port)
        time.sleep(1)
        collector.terminate()
    (made,) = (one for one in folder.iterdir() if one.name.startswith("nfcapd.2"))
    told = _nfdump("-r", str(made), "-I").decode()
    (arrived,) = (int(line.split()[1]) for line in told.splitlines() if line.startswith("Flows:"))
    if arrived != len(flows):
        raise RuntimeError(f"{len(flows) - arrived} of {len(flows)} flows were lost on their way to nfcapd")
    return made


def answer(capture: Path) -> bytes:
    """Its answer, a line for each sum."""
    return _nfdump("-r", str(capture), *QUESTION)


def _nfdump(*arguments: str) -> bytes:
    command = (_path("nfdump"), *arguments)
    return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603  # as above


def _path(name: str) -> str:
    return shutil.which(name) or name


def _send(flows: pl.DataFrame, port: int) -> None:
    now = int(time.time())
    records = np.empty(len(flows), dtype=_RECORD)
    for name in _FIELDS:
        records[name] = _numbers(flows[name], now)
    template = struct.pack(">HHHH", 0, 8 + 4 * len(_FIELDS), _TEMPLATE, len(_FIELDS)) + b"".join(
        struct.pack(">HH", number, np.dtype(kind).itemsize) for number, kind in _FIELDS.values()
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for packet, first in enumerate(range(0, len(records), _RECORDS)):
            some = records[first : first + _RECORDS]
            body = some.tobytes()
            padding = -len(body) % 4
            head = struct.pack(">HHIIII", 9, 1 + len(some), _UPTIME, now, packet, 1)
            data = struct.pack(">HH", _TEMPLATE, 4 + len(body) + padding) + body + bytes(padding)
            out.sendto(head + template + data, (HOST, port))
            if packet % 20 == 0:
                time.sleep(_PAUSE)


def _numbers(column: pl.Series, now: int) -> pl.Series:
    """Addresses as numbers; times as milliseconds since the exporter started."""
    if column.name in ("start", "end"):
        return (column - now) * 1000 + _UPTIME
    if column.dtype != pl.String:
        return column
    octets = column.str.split_exact(".", 3).struct
    parts = [octets.field(f"field_{place}").cast(pl.Int64) for place in range(4)]
    return parts[0] * 2**24 + parts[1] * 2**16 + parts[2] * 2**8 + parts[3]
