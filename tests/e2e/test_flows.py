"""Traffic over a connection is counted by its process, killed again and again, as it was sent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg

from onenet_common.events import FLOWS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.stack import Stack
from tests.e2e.estate import estate, until
from tests.integration.flow_scene import Flow, expected, now, text

KILLS = 3


async def test_a_process_killed_again_and_again_counts_every_record_once(stack: Stack) -> None:
    async with estate(stack, networks=1) as pair:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
        database = await asyncpg.connect(stack.addresses.database)
        await until(lambda: carries(database, asked.id), "the monitor to know the connection")
        left, right = pair.lefts[0], pair.rights[0]
        ends = str(left.subnet).replace("0/24", "7"), str(right.subnet).replace("0/24", "8")
        # Minutes to come, since the connection has only just begun to carry.
        flows = [
            Flow(now() + timedelta(minutes=1), random.randrange(1, 10**6), left.native_id, *ends)
            for _ in range(12_000)
        ]
        sending = asyncio.create_task(_send(stack, flows))
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.2, 0.8))
            await stack.supervisor.kill("flows")
            await stack.supervisor.until_ready("flows")
        await sending

        async def counted() -> Counter[tuple[object, str]] | None:
            found = await _sums(database, asked.id)
            return found if sum(found.values()) >= sum(flow.size for flow in flows) else None

        assert await until(counted, "all to be counted") == expected(flows)
        await database.close()


async def _send(stack: Stack, flows: list[Flow]) -> None:
    producer = Producer(Settings(kafka=stack.addresses.kafka, kafka_idempotence=False))
    for first in range(0, len(flows), 200):
        await producer.send([Outgoing(FLOWS, str(first).encode(), text(flows[first : first + 200]), [])])
        await asyncio.sleep(0.05)
    await producer.stop()


async def carries(database: asyncpg.Connection[asyncpg.Record], connection: UUID) -> bool | None:
    found = await database.fetchval("SELECT count(*) FROM monitor.links WHERE connection_id = $1", connection)
    return True if found else None


async def _sums(
    database: asyncpg.Connection[asyncpg.Record], connection: UUID
) -> Counter[tuple[object, str]]:
    rows = await database.fetch(
        "SELECT minute, kind, sum(bytes)::bigint AS bytes FROM monitor.flow_minutes "
        "WHERE connection = $1 GROUP BY 1, 2",
        connection,
    )
    return Counter({(row["minute"], row["kind"]): row["bytes"] for row in rows})
