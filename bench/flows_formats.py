"""How fast flow logs become canonical records, beside polars' bare parse of the same bytes.

``POLARS_MAX_THREADS=1 python -m bench.flows_formats [--quick]``. Speed is processor time, so that it is of
one thread only when polars has one, which it reads when it is imported.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import polars as pl

from bench.report import Figure, at_least, table
from onenet_local.traffic.encoders import FORMATS
from onenet_local.traffic.exchanges import Exchange
from onenet_local.traffic.generator import NONE, Traffic
from onenet_local.traffic.networks import Network
from onenet_monitor.flows.formats import read_all

NAME = "formats"
UNIT = "million records/CPU s"
BEGIN = 1_790_000_000
AFTER = datetime.fromtimestamp(BEGIN + 3600, UTC)


def exchanges(count: int, networks: int = 1000, links: int = 500) -> list[Exchange]:
    """Observations between many networks, the same ones each time."""
    known = [
        Network(f"vpc-{n:08x}", "111111111111", f"10.{n // 256}.{n % 256}.0/24") for n in range(networks)
    ]
    pairs = [(n, (n + networks // 2) % networks) for n in range(links)]
    return Traffic(known, pairs, anomalies=NONE).window(BEGIN, 60, count)


def repeated(content: bytes, times: int) -> bytes:
    """AWS text with its lines several times over, under one header."""
    header, _, body = content.partition(b"\n")
    return header + b"\n" + body * times


def per_cpu_second(read: Callable[[], int], rounds: int = 3) -> float:
    """Records a second of processor time, in the best of some rounds.

    Args:
        read: reads the same input each time and says how many records it had.
    """
    best = 0.0
    for _ in range(rounds):
        began = time.process_time()
        records = read()
        best = max(best, records / (time.process_time() - began))
    return best


def figures(*, quick: bool) -> list[Figure]:
    """Every format's speed."""
    some = exchanges(5_000 if quick else 50_000)
    text = repeated(FORMATS["aws-2"](some), 10)
    bare = per_cpu_second(lambda: pl.read_csv(io.BytesIO(text), separator=" ", null_values="-").height)
    ours = per_cpu_second(lambda: _read([text]))
    others = {
        "AWS text, one line in 20,000 irregular": [_irregular(text)],
        "AWS text with directions, 1,000 records a message": _messages("aws", some, 500),
        "Azure, 1,000 records a message": _messages("azure", some, 500),
        "Google Cloud, 1,000 records a message": _messages("gcp", some, 500),
        "pmacct, one record a message": FORMATS["pmacct"](some).splitlines(),
    }
    return [
        Figure(NAME, "polars' bare parse of AWS text", bare / 1e6, UNIT),
        Figure(NAME, "AWS text", ours / 1e6, UNIT, at_least(1.2)),
        Figure(NAME, "AWS text, of polars' bare parse", 100 * ours / bare, "%", at_least(25)),
        *(
            Figure(NAME, name, per_cpu_second(partial(_read, values)) / 1e6, UNIT)
            for name, values in others.items()
        ),
    ]


def _read(values: Sequence[bytes]) -> int:
    return read_all(values, AFTER, limit=1 << 30).frame.height


def _messages(name: str, some: Sequence[Exchange], size: int) -> list[bytes]:
    return [FORMATS[name](some[begin : begin + size]) for begin in range(0, len(some), size)]


def _irregular(text: bytes) -> bytes:
    lines = text.split(b"\n")
    for place in range(100, len(lines), 20_000):
        lines[place] += b" more"
    return b"\n".join(lines)


def main() -> None:
    if os.environ.get("POLARS_MAX_THREADS") != "1":
        sys.exit("set POLARS_MAX_THREADS=1: processor time of several threads is no speed of one")
    sys.stdout.write(f"{table(figures(quick='--quick' in sys.argv))}\n")


if __name__ == "__main__":
    main()
