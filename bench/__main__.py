"""``python -m bench``: measure the real stack, print a table, write JSON."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Protocol

from bench import (
    accepting,
    asking,
    cloud,
    flows,
    flows_steady,
    machine,
    overhead,
    replicas,
    report,
    throughput,
)
from bench.progress import tell
from bench.report import Figure

MISSED = 1
INTERRUPTED = 130


class Measure(Protocol):
    """Runs stacks of its own; ``quick`` measures less, to see that it works."""

    async def __call__(self, *, quick: bool) -> list[Figure]: ...


MEASURES: dict[str, Measure] = {
    module.NAME: module.measure
    for module in (accepting, overhead, throughput, cloud, replicas, flows, flows_steady, asking)
}


async def measure(names: list[str], *, quick: bool) -> list[Figure]:
    """Measure one after the other; SIGTERM ends it in order, as Ctrl-C does."""
    measuring = asyncio.current_task()
    if measuring is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measuring.cancel)
    figures: list[Figure] = []
    for name in names:
        tell(name)
        figures += await MEASURES[name](quick=quick)
    return figures


def main() -> None:
    given = _arguments().parse_args()
    try:
        figures = asyncio.run(measure(given.only or list(MEASURES), quick=given.quick))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(INTERRUPTED)
    report.write(given.json, figures, machine.described())
    sys.stdout.write(f"\n{report.table(figures)}\n\n")
    tell(f"written to {given.json} and {given.json.with_suffix('.md')}")
    if given.strict and any(figure.met is False for figure in figures):
        sys.exit(MISSED)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Speed and memory of OneNet, measured on the real embedded stack. It takes some "
        "minutes and wants the machine for itself.",
        epilog="accepting: POST /v1/connections against an empty endpoint of the same process. "
        "overhead: from the POST to ESTABLISHED on an idle stack. "
        "throughput: 10,000 connections back to back, and the memory and processor time they take. "
        "cloud: peerings on the local cloud against a plain asyncio script. "
        "replicas: two and four evaluators and provisioners against one, at a cloud with 200 ms a call. "
        "flows: flow logs from Kafka to committed sums, against a bare parse and DuckDB. "
        "flows-steady: 50,000 records a second for ten minutes; with --quick, half a minute. "
        "asking: a large dependency graph and a month of traffic, through the API.",
    )
    parser.add_argument(
        "--only", action="append", choices=MEASURES, help="only this; may be given several times"
    )
    parser.add_argument("--quick", action="store_true", help="measure less: rough figures, sooner")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("bench.json"),
        help="where to write the figures, and with the suffix .md as a table: %(default)s",
    )
    return parser


if __name__ == "__main__":
    main()
