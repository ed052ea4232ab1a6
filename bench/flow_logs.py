"""Made-up flow logs: AWS's text, between networks of one prefix each, most of it over connections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network
from uuid import UUID, uuid5

import numpy as np
import polars as pl
from numpy.typing import NDArray

HEADER = (
    "version account-id vpc-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log-status"
)
HOSTS = 40
"""Of a network, that talk."""
SERVICES = (443, 5432, 6379, 9092, 8080)
MINUTES = 5
ROOT = UUID(int=1)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Network:
    id: UUID
    native_id: str
    block: IPv4Network


@dataclass(frozen=True, slots=True)
class Estate:
    """Networks, and which of them are connected: by connection, the places of both."""

    networks: list[Network]
    connections: dict[UUID, tuple[int, int]]


def estate(networks: int, connections: int) -> Estate:
    """Networks 10.0.0.0/24, 10.0.1.0/24 and so on, each connected at most once."""
    made = [
        Network(uuid5(ROOT, f"network {one}"), f"vpc-{one:08x}", IPv4Network((0x0A000000 + (one << 8), 24)))
        for one in range(networks)
    ]
    pairs = {uuid5(ROOT, f"connection {one}"): (2 * one, 2 * one + 1) for one in range(connections)}
    return Estate(made, pairs)


def lines(estate: Estate, records: int, seed: int) -> pl.Series:
    """That many lines: nine of ten over a connection, the others to the internet; half are replies."""
    chance = np.random.default_rng(seed)
    pairs = np.array(list(estate.connections.values()))[chance.integers(0, len(estate.connections), records)]
    reply = chance.random(records) < 0.5
    outside = chance.random(records) < 0.1
    here, there = np.where(reply, pairs[:, 1], pairs[:, 0]), np.where(reply, pairs[:, 0], pairs[:, 1])
    service = np.array(SERVICES)[chance.integers(0, len(SERVICES), records)]
    ephemeral = chance.integers(32_768, 61_000, records)
    newest = int(datetime.now(UTC).timestamp()) // 60 * 60 - 120
    start = newest - chance.integers(0, 60 * MINUTES, records)
    packets = chance.integers(1, 200, records)
    hosts = chance.integers(1, HOSTS, (2, records))
    beyond = [f"8.{one % 200}.{one % 250}.{one % 240 + 1}" for one in chance.integers(0, 2_000, records)]
    return pl.select(
        pl.concat_str(
            pl.lit("5 111111111111"),
            pl.Series([one.native_id for one in estate.networks]).gather(here),
            pl.lit("eni-0a1b2c3d4e5f60718"),
            _address(here, hosts[0]),
            pl.when(pl.Series(outside)).then(pl.Series(beyond)).otherwise(_address(there, hosts[1])),
            pl.Series(np.where(reply, service, ephemeral)),
            pl.Series(np.where(reply, ephemeral, service)),
            pl.lit("6"),
            pl.Series(packets),
            pl.Series(packets * chance.integers(40, 1_500, records)),
            pl.Series(start),
            pl.Series(start + 59),
            pl.lit("ACCEPT OK"),
            separator=" ",
        )
    ).to_series()


def _address(network: Ints, host: Ints) -> pl.Expr:
    parts = (pl.Series(network // 256), pl.Series(network % 256), pl.Series(host))
    return pl.concat_str(pl.lit("10"), *parts, separator=".")
