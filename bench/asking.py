"""Asking: the dependency graph of 1,000 services and 20,000 edges, and a month of one connection's traffic.

The tables are filled as discovery and counting would have left them, with both ends of everything logging,
and the real API is asked, one request at a time. The graph comes in one page, as ``onenet deps`` asks for
it; the month in hours.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from uuid import UUID

from bench.client import Answer, connected, request
from bench.machine import until_idle
from bench.owner import USER, Owner, signed_in
from bench.progress import tell
from bench.report import Figure, at_most
from bench.stacks import MEMORY, running
from onenet_common.database import Database
from onenet_monitor.flows.columns import EDGE_AMOUNTS
from onenet_monitor.flows.partitions import Partitioned, make
from onenet_monitor.main import MIGRATIONS

NAME = "asking"
SERVICES, EDGES = 1_000, 20_000
MONTH = timedelta(days=30)
PORTS = 10
"""Services' ports on each connection whose traffic is kept by the hour."""
WARM = 5

_SERVICE, _PROVIDER, _NETWORK = (f"md5('{what} ' || %s)::uuid" for what in ("service", "provider", "network"))

_DIRECTORY = (
    f"""
INSERT INTO api.services (id, name, description, owners)
SELECT {_SERVICE % "n"}, 'service-' || n, '', ARRAY[$2::text] FROM generate_series(1, $1::int) n
""",
    f"""
INSERT INTO api.providers (id, service, name, provider_type, account, region, role_arn, external_id, status)
SELECT {_PROVIDER % "n"}, {_SERVICE % "n"}, 'AWS', 'AWS', lpad(n::text, 12, '0'), $2::text, '', '', 'READY'
FROM generate_series(1, $1::int) n
""",
    f"""
INSERT INTO api.resources (id, service, provider, name, description, subnets, snapshot)
SELECT {_NETWORK % "n"}, {_SERVICE % "n"}, {_PROVIDER % "n"}, 'AWS\\vpc-' || n, $2::text,
    '{{10.0.0.0/16}}', '{{}}'
FROM generate_series(1, $1::int) n
""",
)

_EDGES = f"""
INSERT INTO monitor.edges (kind, connection, client, server, protocol, port, first_seen, last_seen,
    client_logged_at, server_logged_at, {", ".join(EDGE_AMOUNTS)})
SELECT 'connection', md5('over ' || n)::uuid, {_NETWORK % "client"},
    {_NETWORK % "(1 + (client + 37 * hop) % $2)"}, 6, port, now() - interval '30 days',
    now() - n * interval '1 second', now(), now(), {", ".join(f"{n} + n" for n in range(len(EDGE_AMOUNTS)))}
FROM (
    SELECT n, 1 + n % $2 AS client, 1 + n / $2 AS hop, (ARRAY[443, 5432, 6379, 9092])[1 + n % 4] AS port
    FROM generate_series(0, $1::int - 1) n
) numbered
"""

_HOURS = f"""
INSERT INTO monitor.flow_hours (hour, kind, connection, source, target, observer, protocol, port, reply,
    accepted, bytes, packets, flows)
SELECT hour, 'connection', connection, CASE WHEN reply THEN r ELSE l END, CASE WHEN reply THEN l ELSE r END,
    observer, 6, 400 + port, reply, true, 1000 + port, 100, 10
FROM generate_series($1::timestamptz, $2::timestamptz, interval '1 hour') hour, (
    SELECT $3::uuid AS connection, $4::uuid AS l, $5::uuid AS r UNION ALL
    SELECT md5('over ' || n)::uuid, {_NETWORK % "n"}, {_NETWORK % "(n + 1)"}
    FROM generate_series(1, $6::int) n
) ends, generate_series(1, {PORTS}) port, (VALUES (false), (true)) AS ways (reply),
    (VALUES ('source'), ('target')) AS sides (observer)
ORDER BY hour, connection
"""


async def measure(*, quick: bool) -> list[Figure]:
    """Each many times in turn; whoever is asked has nothing else to do."""
    rounds, others = (30, 4) if quick else (200, 19)
    only = ("postgres", "broker", "issuer", "provisioner", "monitor", "api")
    async with running(MEMORY, only=only) as stack:
        api = stack.stack.addresses.api
        async with signed_in(api) as owner, connected(api) as http:
            made = await _connected(owner)
            await stack.stack.supervisor.stop_part("provisioner")
            until = datetime.now(UTC)
            await _fill(stack.stack.addresses.database, until, made, others)
            await until_idle(stack.pids.values())
            since = (until - MONTH).strftime("%Y-%m-%dT%H:%M:%SZ")
            paths = {
                "graph": f"/v1/dependencies?limit={EDGES}",
                "month": f"/v1/connections/{made[0]}/traffic?step=hour&since={since}",
            }
            took: dict[str, list[float]] = {name: [] for name in paths}
            for number in range(WARM + rounds):
                for name, path in paths.items():
                    began = time.perf_counter()
                    answer = await http.send(request("GET", path, owner.token))
                    seconds = time.perf_counter() - began
                    if number == 0:
                        _check(name, answer)
                    if number >= WARM:
                        took[name].append(seconds * 1000)
    graph, month = (quantiles(took[name], n=100) for name in paths)
    return [
        Figure(
            NAME, f"graph of {SERVICES:,} services and {EDGES:,} edges, median", graph[49], "ms", at_most(200)
        ),
        Figure(NAME, "the same, 99th percentile", graph[98], "ms", at_most(200)),
        Figure(
            NAME, "a month of one connection's traffic by the hour, median", month[49], "ms", at_most(100)
        ),
        Figure(NAME, "the same, 99th percentile", month[98], "ms", at_most(100)),
    ]


async def _connected(owner: Owner) -> tuple[UUID, UUID, UUID]:
    """A connection that was asked for, and its networks."""
    ((left, right),) = await owner.made_up_pairs(1)
    made = await owner.client.connections.create(left, right)
    return made.id, left, right


async def _fill(url: str, until: datetime, of: tuple[UUID, UUID, UUID], others: int) -> None:
    """The directory, the edges, and the hours of one connection among those of others."""
    database = Database(url, schema="monitor", migrations=MIGRATIONS, size=2)
    await database.start()
    first = until.replace(minute=0, second=0, microsecond=0) - MONTH
    days = [(first + timedelta(days=day)).date() for day in range(MONTH.days + 1)]
    await make(database, Partitioned("flow_hours", len(days)), days)
    async with database.acquire() as connection:
        for statement in _DIRECTORY:
            await connection.execute(statement, SERVICES, USER)
        await connection.execute(_EDGES, EDGES, SERVICES)
        await connection.execute(_HOURS, first, until, *of, others)
        await connection.execute("VACUUM ANALYZE")
    await database.stop()


def _check(name: str, answer: Answer) -> None:
    """Whether it is the whole answer."""
    found = json.loads(answer.body)
    sizes = {kind: len(found.get(kind, ())) for kind in ("nodes", "edges", "points", "ports")}
    whole = {
        "graph": {"nodes": SERVICES, "edges": EDGES, "points": 0, "ports": 0},
        "month": {"nodes": 0, "edges": 0, "points": MONTH.days * 24 + 1, "ports": PORTS},
    }
    if sizes != whole[name]:
        raise RuntimeError(f"{name}: {answer.status}, {sizes} instead of {whole[name]}")
    tell(f"{name}: {len(answer.body) / 1e6:.1f} MB")
