"""``python -m bench.flow_rivals parse|duckdb FILE ANSWER``: what else reads the same lines, on one thread.

Both print the seconds of the fastest of some tries; ``duckdb`` answers the question whole: bytes by minute,
connection, direction and service port, with the two tables of the inventory given as they suit it best.
"""

from __future__ import annotations

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


RIVALS = {"parse": parse, "duckdb": duckdb}


def main() -> None:
    name, file, answer = sys.argv[1:]
    work = RIVALS[name](Path(file))
    seconds = []
    for _ in range(TRIES):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    Path(answer).write_text(str(min(seconds)))


if __name__ == "__main__":
    main()
