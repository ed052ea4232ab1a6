"""``python -m bench.flow_rivals parse|duckdb|nfdump FILE ANSWER``: what else reads the same flows.

Each writes the processor seconds of the fastest of some tries. ``duckdb`` answers the question whole: bytes
by minute, connection, direction and service port, with the two tables of the inventory given as they suit it
best. ``nfdump`` answers an easier one from a file of its own: see ``flow_nfdump.py``.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

TRIES = 3

_QUESTION = """
WITH records AS (
    SELECT start // 60 AS minute, srcport, dstport, bytes,
        split_part(srcaddr, '.', 1)::int * 65536 + split_part(srcaddr, '.', 2)::int * 256
            + split_part(srcaddr, '.', 3)::int AS source,
        split_part(dstaddr, '.', 1)::int * 65536 + split_part(dstaddr, '.', 2)::int * 256
            + split_part(dstaddr, '.', 3)::int AS target
    FROM read_csv($file, delim = ' ', header = true, nullstr = '-', strict_mode = false)
)
SELECT minute, connection, source, target, least(srcport, dstport) AS port, sum(bytes), count(*)
FROM records LEFT JOIN pairs ON one = least(source, target) AND other = greatest(source, target)
GROUP BY ALL
"""


def parse(file: Path) -> Callable[[], object]:
    import polars as pl

    content = file.read_bytes()
    return lambda: pl.read_csv(content, separator=" ", null_values="-")


def duckdb(file: Path) -> Callable[[], object]:
    import duckdb as rival

    from bench.flow_logs import estate
    from bench.flows import CONNECTIONS, NETWORKS

    database = rival.connect(config={"threads": 1})
    database.execute("CREATE TABLE pairs (connection UUID, one INT, other INT)")
    land = estate(NETWORKS, CONNECTIONS)
    prefixes = [int(network.block.network_address) >> 8 for network in land.networks]
    rows = [
        (str(connection), prefixes[one], prefixes[other])
        for connection, (one, other) in land.connections.items()
    ]
    database.executemany("INSERT INTO pairs VALUES (?, ?, ?)", rows)
    return lambda: database.execute(_QUESTION, {"file": str(file)}).fetchall()


def nfdump(file: Path) -> Callable[[], object]:
    from bench import flow_nfdump

    capture = flow_nfdump.capture(file)
    return lambda: flow_nfdump.answer(capture)


RIVALS = {"parse": parse, "duckdb": duckdb, "nfdump": nfdump}


def main() -> None:
    name, file, answer = sys.argv[1:]
    work = RIVALS[name](Path(file))
    seconds = []
    for _ in range(TRIES):
        began = _used()
        work()
        seconds.append(_used() - began)
    Path(answer).write_text(str(min(seconds)))


def _used() -> float:
    """Seconds of processor time of this process and of those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
