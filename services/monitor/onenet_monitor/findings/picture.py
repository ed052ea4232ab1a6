"""What findings are drawn from: traffic between networks, and the paths that may carry it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from onenet_common.connection import L4Filter

Pair = frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Edge:
    """Traffic of one kind between two ends over the time that was looked at, both directions together.

    Args:
        kind: ``connection``, ``internet``, ``other`` or ``unknown``.
        client: the network that opens the conversations, None when it is none of ours.
        server: the network that has the service's port, None when it is none of ours.
        protocol: the number that IANA gave it; ``port`` the service's, 0 when it has none.
        accepted: False for what a filter on the way refused.
        last_seen: when the hour began in which it was seen last; edges are read from sums by the hour.
    """

    kind: str
    connection: UUID | None
    client: UUID | None
    server: UUID | None
    protocol: int
    port: int
    accepted: bool
    bytes: int
    flows: int
    last_seen: datetime

    @property
    def pair(self) -> Pair | None:
        """Both ends when they are two networks of ours."""
        if self.client is None or self.server is None or self.client == self.server:
            return None
        return frozenset((self.client, self.server))


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """An established connection, what it may carry and what is known of its ctype.

    Args:
        since: established since.
        monthly_gb: the traffic that its owner expected.
        bytes_this_month: metered since the month began, in UTC.
        busiest_minute_bytes: of the time that was looked at.
        last_seen: when it carried something last, None for never.
    """

    id: UUID
    name: str
    left: UUID
    right: UUID
    since: datetime
    l4filters: tuple[L4Filter, ...] = ()
    encrypted: bool | None = None
    bandwidth_mbps: float | None = None
    price_per_gb_usd: float | None = None
    monthly_fixed_usd: float | None = None
    monthly_gb: float = 0.0
    bytes_this_month: int = 0
    busiest_minute_bytes: int = 0
    last_seen: datetime | None = None

    @property
    def pair(self) -> Pair:
        return frozenset((self.left, self.right))


@dataclass(frozen=True, slots=True)
class Picture:
    """Args:
    hours: how far back the edges go.
    observed: networks whose flow logs have come in the last days, so that silence means something.
    """

    now: datetime
    hours: int
    edges: Sequence[Edge]
    paths: Sequence[Path]
    networks: Mapping[UUID, Network]
    observed: frozenset[UUID]

    def name(self, network: UUID) -> str:
        known = self.networks.get(network)
        return known.name if known else str(network)

    def path(self, pair: Pair) -> Path | None:
        return next((path for path in self.paths if path.pair == pair), None)
