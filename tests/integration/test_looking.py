"""The picture that findings are drawn from, held against its sums made the slow way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from onenet_common.connection import Alternative, CType, L4Filter, Protocol, Requirements, Resource
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeleted,
    ConnectionEstablished,
    ConnectionEvaluated,
    ConnectionFailed,
    Event,
    ResourceChanged,
    ResourceDiscovered,
    ResourceGone,
)
from onenet_monitor.findings import looking
from onenet_monitor.findings.picture import Edge, Network, Path, Picture
from onenet_monitor.main import follow
from tests.integration.monitor_scene import MonitorScene, Traffic
from tests.integration.varied_traffic import (
    COUNTING,
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    NOW,
    Counting,
    Joined,
    client,
    observed_in,
    once,
    server,
    varied,
)
from tests.samples import network, wish

BEGAN = NOW - 30 * DAY
A, B, C, D, E, F, G, H, K, L, GONE, UNNAMED = NETWORKS = [
    network(f"vpc-{number}", f"10.{number}.0.0/16") for number in range(12)
]
GROWN = A.model_copy(
    update={"name": "AWS\\grown", "subnets": (*A.subnets, *network("x", "10.99.0.0/16").subnets)}
)
ABROAD = "America/Los_Angeles"
"""Where days and months begin at other times than in UTC."""


@dataclass(frozen=True, slots=True)
class Known:
    """A connection, the terms of its path and when it was established."""

    of: Joined
    name: str
    terms: Alternative
    since: datetime
    l4filters: tuple[L4Filter, ...] = ()
    monthly_gb: float = 0.0

    def evaluated(self, left: Resource, right: Resource) -> Event:
        asked = wish(
            id=self.of.connection,
            name=self.name,
            left=left,
            right=right,
            l4filters=self.l4filters,
            requirements=Requirements(monthly_gb=self.monthly_gb),
        )
        return ConnectionEvaluated(
            connection_id=asked.id,
            generation=1,
            wish=asked,
            ctype=self.terms.ctype,
            alternatives=(self.terms, Alternative(ctype=self.terms.ctype, feasible=False)),
        )

    def established(self) -> Event:
        return ConnectionEstablished(
            connection_id=self.of.connection, generation=1, ctype=self.terms.ctype, details={}
        )

    def failed(self) -> Event:
        return ConnectionFailed(
            connection_id=self.of.connection, generation=1, ctype=self.terms.ctype, code="gone", reason="gone"
        )


def _known(number: int, left: Resource, right: Resource, since: datetime = BEGAN, **other: Any) -> Known:
    terms = Alternative(
        ctype=CType.AWS_PEERING,
        feasible=True,
        encrypted=number % 2 == 0,
        bandwidth_mbps=1000.0 + number,
        price_per_gb_usd=0.01 * number,
        monthly_fixed_usd=10.0 * number,
    )
    return Known(Joined(UUID(int=number), left.id, right.id), f"path-{number}", terms, since, **other)


BUSY = _known(1, A, B, l4filters=(L4Filter(protocol=Protocol.TCP, from_port=443, to_port=443),))
AGAIN = _known(2, C, A, since=BEGAN + DAY, monthly_gb=7.5)
NEVER = _known(3, B, C)
FORMER = _known(4, C, B)
LAST_MONTH = _known(5, D, E)
DELETED = _known(6, D, F)
PATHS = (BUSY, AGAIN, NEVER, FORMER, LAST_MONTH, DELETED)
ESTABLISHED = (BUSY, AGAIN, NEVER, LAST_MONTH)


def inventory() -> Iterator[tuple[datetime, Event]]:
    """Networks and connections with a past: changed, gone, failed, established again, deleted."""
    by_id = {one.id: one for one in NETWORKS}
    for one in NETWORKS:
        yield BEGAN, ResourceDiscovered(resource_id=one.id, at=BEGAN, resource=one)
    yield BEGAN + DAY, ResourceChanged(resource_id=A.id, at=BEGAN + DAY, resource=GROWN, changed=("subnets",))
    yield BEGAN + DAY, ResourceGone(resource_id=GONE.id, at=BEGAN + DAY, provider_id=GONE.provider)
    for path in PATHS:
        yield BEGAN, path.evaluated(by_id[path.of.left], by_id[path.of.right])
        yield BEGAN, path.established()
    yield BEGAN + HOUR, AGAIN.failed()
    yield AGAIN.since, AGAIN.established()
    yield BEGAN + HOUR, FORMER.failed()
    yield BEGAN + HOUR, ConnectionDeleted(connection_id=DELETED.of.connection, generation=1)


def traffic() -> list[Traffic]:
    """Varied, and some by which alone a network is observed, or a minute the busiest, or just not."""
    carrying = [BUSY.of, AGAIN.of, FORMER.of]
    limit = NOW - looking.OBSERVED
    alone = [
        Traffic(limit - MINUTE, D.id, E.id, LAST_MONTH.of.connection),
        Traffic(MONTH - MINUTE, E.id, D.id, LAST_MONTH.of.connection, reply=True),
        Traffic(limit, F.id, G.id, kind="other"),
        Traffic(limit, F.id, H.id, kind="other", observer="target"),
        Traffic(limit, G.id, K.id, kind="other", reply=True),
        Traffic(limit - MINUTE, G.id, L.id, kind="other", reply=True, observer="target"),
        Traffic(limit, None, UNNAMED.id, kind="unknown"),
        Traffic(limit, K.id, L.id, kind="other", accepted=False, observer="target"),
        Traffic(limit - MINUTE, K.id, L.id, kind="other", accepted=False),
        Traffic(NOW - HOUR, A.id, B.id, BUSY.of.connection, bytes=50_000_000),
        Traffic(NOW - HOUR - MINUTE, A.id, B.id, BUSY.of.connection, bytes=60_000_000),
        Traffic(NOW - MINUTE, C.id, A.id, AGAIN.of.connection, accepted=False, bytes=60_000_000),
    ]
    return [*varied(carrying, [A.id, B.id, C.id]), *alone]


@pytest.fixture(params=COUNTING, ids=lambda count: count.__name__)
async def picture(request: pytest.FixtureRequest, monitor: MonitorScene) -> tuple[Sequence[Traffic], Picture]:
    """What was counted, and what is seen of it where days begin at other times."""
    counting: Counting = request.param
    counted = traffic()
    await counting(monitor, counted)
    async with monitor.database.transaction() as connection:
        for at, event in inventory():
            await follow([replace(Message.of(event), time=at)], connection)
        await connection.execute("DELETE FROM network_names WHERE resource_id = $1", UNNAMED.id)
        await connection.execute(f"SET LOCAL TIME ZONE '{ABROAD}'")
        return counted, await looking.look(connection, NOW)


async def test_the_picture_is_what_adding_up_by_hand_comes_to(
    picture: tuple[Sequence[Traffic], Picture],
) -> None:
    counted, seen = picture
    assert (seen.now, seen.hours) == (NOW, 24)
    assert by_key(seen.edges) == by_key(edges(counted))
    assert sorted(seen.paths, key=lambda path: path.name) == paths(counted)
    assert seen.networks == {
        **{one.id: Network(one.name, tuple(map(str, one.subnets))) for one in NETWORKS if one != GONE},
        A.id: Network(GROWN.name, tuple(map(str, GROWN.subnets))),
        UNNAMED.id: Network(UNNAMED.native_id, tuple(map(str, UNNAMED.subnets))),
    }
    assert seen.observed == observed(counted)


def test_the_traffic_tells_the_limits_apart() -> None:
    """Else a limit that is off by one would show in no sum, and neither would what it is for."""
    counted = traffic()
    shown = {(edge.kind, edge.accepted) for edge in edges(counted)}
    assert shown >= {
        (kind, verdict) for kind in ("connection", "internet", "other") for verdict in (True, False)
    }
    by_name = {path.name: path for path in paths(counted)}
    assert 50_000_000 <= by_name[BUSY.name].busiest_minute_bytes < 60_000_000
    assert by_name[AGAIN.name].busiest_minute_bytes < 50_000_000
    assert by_name[LAST_MONTH.name].bytes_this_month == 1000
    assert by_name[NEVER.name].last_seen is None
    assert len(observed(counted)) == 7
    for joined in (BUSY.of, AGAIN.of, FORMER.of):
        times = {one.at for one in counted if one.connection == joined.connection and one.accepted}
        for limit in (MONTH, NOW - 2 * DAY, NOW - DAY, NOW - HOUR):
            assert {limit - MINUTE, limit} <= times


def by_key(found: Iterable[Edge]) -> list[Edge]:
    return sorted(
        found,
        key=lambda edge: (
            edge.kind,
            *map(str, (edge.connection, edge.client, edge.server)),
            edge.protocol,
            edge.port,
            edge.accepted,
        ),
    )


def edges(counted: Sequence[Traffic]) -> Iterator[Edge]:
    """Of the hours that began in the last day."""
    sums: dict[tuple[Any, ...], list[Traffic]] = defaultdict(list)
    for one in once(counted, HOUR):
        if one.at >= NOW - DAY and one.kind != "unknown":
            key = (one.kind, one.connection, client(one), server(one), one.protocol, one.port, one.accepted)
            sums[key].append(one)
    for key, seen in sums.items():
        yield Edge(
            *key,
            sum(one.bytes for one in seen),
            sum(one.flows for one in seen),
            max(one.at for one in seen),
        )


def paths(counted: Sequence[Traffic]) -> list[Path]:
    """Of the connections that are established, by name."""
    return [
        Path(
            id=known.of.connection,
            name=known.name,
            left=known.of.left,
            right=known.of.right,
            since=known.since,
            l4filters=known.l4filters,
            encrypted=known.terms.encrypted,
            bandwidth_mbps=known.terms.bandwidth_mbps,
            price_per_gb_usd=known.terms.price_per_gb_usd,
            monthly_fixed_usd=known.terms.monthly_fixed_usd,
            monthly_gb=known.monthly_gb,
            bytes_this_month=sum(let_through(known.of, counted, DAY, MONTH).values()),
            busiest_minute_bytes=max(let_through(known.of, counted, MINUTE, NOW - HOUR).values(), default=0),
            last_seen=max(
                (one.at for one in counted if one.connection == known.of.connection and one.accepted),
                default=None,
            ),
        )
        for known in ESTABLISHED
    ]


def let_through(
    joined: Joined, counted: Sequence[Traffic], step: timedelta, since: datetime
) -> dict[datetime, int]:
    """The bytes of each step, both directions."""
    sums: dict[datetime, int] = defaultdict(int)
    for one in once(counted, step):
        if one.connection == joined.connection and one.accepted and one.at >= since:
            sums[one.at] += one.bytes
    return sums


def observed(counted: Sequence[Traffic]) -> set[UUID]:
    """Whose flow logs told of traffic in the last two days."""
    recent = (one for one in counted if one.at >= NOW - 2 * DAY)
    return {network for one in recent if (network := observed_in(one)) is not None}
