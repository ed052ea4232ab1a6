"""Flow logs on the topic, and what their owner sees of it at a terminal."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from onenet_client.models import Resource
from onenet_common.events import FLOWS
from onenet_local.stack import Stack
from tests.e2e.estate import estate, until
from tests.e2e.test_command_line import Terminal
from tests.e2e.test_flows import carries

HEADER = "version vpc-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
CALLS, REFUSED = 5, 12


async def test_flow_logs_become_a_map_sums_and_a_finding_at_the_terminal(
    stack: Stack, tmp_path: Path
) -> None:
    alice = Terminal(tmp_path)
    await alice.ok("login", "--url", stack.addresses.api, "--user", "alice")
    async with estate(stack, networks=1) as pair:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
        database = await asyncpg.connect(stack.addresses.database)
        await until(lambda: carries(database, asked.id), "the monitor to know the connection")
        await database.close()
        # Only what begins after a connection was established is carried by it.
        begin = math.ceil(time.time())
        async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka) as producer:
            await producer.send_and_wait(FLOWS, _log(pair.lefts[0], pair.rights[0], begin), key=b"test")

        async def mapped() -> list[Any] | None:
            graph = await alice.json("deps")
            return [edge for edge in graph["edges"] if edge["connection"] == str(asked.id)] or None

        async def summed() -> dict[str, Any] | None:
            found: dict[str, Any] = await alice.json("traffic", str(asked.id), "--step", "minute")
            return found if found["points"] else None

        async def found() -> list[Any] | None:
            listed = await alice.json("findings", "list", "--kind", "refused")
            return [one for one in listed if one["connection"] == str(asked.id)] or None

        [edge] = await until(mapped, "the map to show the connection")
        assert (edge["client"], edge["server"]) == tuple(str(one) for one in pair.pairs[0])
        assert (edge["protocol"], edge["port"], edge["flows"]) == (6, 443, CALLS)
        assert edge["bytes"] == CALLS * 1_000
        carried = await until(summed, "the sums of the connection")
        assert {(one["port"], one["refused"], one["flows"]) for one in carried["ports"]} == {
            (443, False, CALLS),
            (445, True, REFUSED),
        }
        assert sum(point["left_to_right"]["bytes"] for point in carried["points"]) == CALLS * 1_000
        [finding] = await until(found, "a finding of what was refused")
        assert (finding["evidence"]["flows"], "tcp/445" in finding["summary"]) == (REFUSED, True)
        assert "security groups" in finding["remedy"]


def _log(left: Resource, right: Resource, begin: int) -> bytes:
    """Calls from left to right: what got through as the left saw it, what was refused as the right did."""
    source, target = (str(one.subnet).replace("0/24", "7") for one in (left, right))
    through = f"5 {left.native_id} {source} {target} 40000 443 6 1 1000 {begin} {begin} ACCEPT OK"
    refused = f"5 {right.native_id} {source} {target} 40000 445 6 1 40 {begin} {begin} REJECT OK"
    return "\n".join([HEADER, *[through] * CALLS, *[refused] * REFUSED, ""]).encode()
