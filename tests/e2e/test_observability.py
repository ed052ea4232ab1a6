"""One can see what happens: every service counts what it does."""

from __future__ import annotations

import httpx
import pytest

from onenet_local.stack import Stack
from tests.e2e.estate import estate, until


@pytest.mark.parametrize(
    ("service", "metric"),
    [
        ("api", "onenet_outbox_relayed_total"),
        ("evaluator", "onenet_evaluations_total"),
        ("provisioner", "onenet_steps_total"),
        ("monitor", "onenet_connections_time_to_establish_seconds_count"),
    ],
)
async def test_every_service_counts_what_it_does(stack: Stack, service: str, metric: str) -> None:
    async with estate(stack, networks=1) as pair, httpx.AsyncClient() as http:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])

        async def counted() -> bool | None:
            response = await http.get(f"{stack.addresses.operations[service]}/metrics")
            return metric in response.text or None

        await until(counted, f"{metric} of {service}")
