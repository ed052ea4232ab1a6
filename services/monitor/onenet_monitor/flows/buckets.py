"""Sums by the minute. Pure.

A record counts as a whole in the minute in which it starts: nothing is estimated, the same records make
the same sums however they are batched, and no rounding is left over. What an exporter sums over ten
minutes is therefore a peak in the first of them; ask it for one minute.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from onenet_monitor.flows import ports
from onenet_monitor.flows.columns import AMOUNTS, ANSWERED, ASKED, CLIENT, EDGE, ENDS, KEY, SERVER

PLACED = ("source", "target", "seen", "egress", "epoch")
"""What decides whose a record is; see ``Index.place``."""


def alike(placed: pl.DataFrame) -> pl.DataFrame:
    """What placed records come to that are told apart by nothing; whose it is can be said of all at once.

    Returns:
        a row for all that is alike: the columns of ``Index.place``, ``minute``, ``protocol``, ``port``,
        ``reply``, ``accepted``, the sums of the amounts, ``start`` of one of them, and ``records``, how many.
    """
    named = ports.services(placed["protocol"], placed["src_port"], placed["dst_port"])
    return (
        placed.select(
            pl.col("start").dt.truncate("1m").alias("minute"),
            pl.Series("port", named.port),
            pl.Series("reply", named.reply),
            pl.col("start", "protocol", "accepted", *PLACED, *AMOUNTS),
        )
        .group_by("minute", "protocol", "port", "reply", "accepted", *PLACED)
        .agg(pl.sum(*AMOUNTS), pl.first("start"), pl.len().alias("records"))
    )


def minutes(named: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The sums of what has been named, lot by lot: ``minute``, the key and the amounts of the tables."""
    lots = (one.select("minute", *KEY, *AMOUNTS) for one in named)
    return pl.concat(lots).group_by("minute", *KEY).agg(pl.sum(*AMOUNTS))


def dependencies(sums: pl.DataFrame) -> pl.DataFrame:
    """Who opened conversations with whom: what was let through, and of which one end at least is known.

    Returns:
        columns of the table ``edges``, all but its id.
    """
    reply, minute = pl.col("reply"), pl.col("minute")
    # The sender of an answer is the server.
    by_server = (pl.col("observer") == "source") == reply
    logged = {CLIENT: ~by_server, SERVER: by_server}
    return (
        sums.lazy()
        .filter(pl.col("accepted"), pl.col("source").is_not_null() | pl.col("target").is_not_null())
        .with_columns(
            client=pl.when(reply).then("target").otherwise("source"),
            server=pl.when(reply).then("source").otherwise("target"),
        )
        .group_by(*EDGE)
        .agg(
            minute.min().alias("first_seen"),
            minute.max().alias("last_seen"),
            *(minute.filter(logged[end]).max().alias(f"{end}_logged_at") for end in ENDS),
            *(
                pl.col(name).filter(is_way, logged[end]).sum().alias(f"{way}_{name}_at_{end}")
                for way, is_way in ((ASKED, ~reply), (ANSWERED, reply))
                for end in ENDS
                for name in AMOUNTS
            ),
        )
        .collect()
    )


def nothing() -> tuple[pl.DataFrame, pl.DataFrame]:
    """No sums and no dependencies."""
    return pl.DataFrame(schema={"minute": pl.Datetime("us", "UTC")}), pl.DataFrame()
