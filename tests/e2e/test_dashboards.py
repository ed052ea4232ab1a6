"""Services that run show every metric that dashboards and alert rules read, with the labels they read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from pydantic import SecretStr

from onenet_common.events import FLOWS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.cloud.handle import LocalCloud
from onenet_local.probes import HOST, free_port
from onenet_local.services import COLLECTOR, process
from onenet_local.stack import Stack
from tests.e2e.estate import RIGHT_REGION, Estate, estate, until
from tests.expressions import labels_read
from tests.integration.collector_scene import Bucket, credentials, lines, packed
from tests.integration.flow_scene import Flow, now, text
from tests.integration.waiting import eventually

SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds to what it scrapes."""

BESIDES = "onenet_outbox_relayed_total"
"""What no dashboard reads, and shows that the outbox is emptied."""

RARE = {
    (
        "messaging_process_duration_seconds_count",
        "error_type",
    ): "a batch that failed, as with no database",
}
"""What appears only after something that this test does not bring about."""


async def test_services_show_what_dashboards_and_rules_read(stack: Stack) -> None:
    wanted = {(metric, "") for metric in {*labels_read(), BESIDES} - {"up"}} | {
        (metric, label) for metric, labels in labels_read().items() for label in labels - SCRAPED
    }
    async with estate(stack, networks=1) as pair:
        LocalCloud(stack.addresses.cloud).arm(
            {
                "kind": "throttle",
                "operation": "CreateVpcPeeringConnection",
                "account": pair.left.account,
                "count": 1,
            }
        )
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
        await _be_rejected(pair)
        await _write_a_flow_log(stack)
        async with _collector(stack) as collector:
            addresses = [*stack.addresses.operations.values(), collector]

            async def missing() -> set[tuple[str, str]]:
                return wanted - RARE.keys() - await _shown(addresses)

            # Levels are measured every few seconds.
            await eventually(missing, lambda found: not found)


async def _be_rejected(pair: Estate) -> None:
    """Ask for a connection with a network that has the same addresses."""
    twin = pair.right.vpc(pair.lefts[0].subnet, region=RIGHT_REGION)
    await pair.onenet.providers.discover(pair.rights[0].provider)
    resource = await until(lambda: pair.resource(twin), "the overlapping network to be discovered")
    asked = await pair.onenet.connections.create(pair.lefts[0].id, resource)
    await pair.onenet.wait_for(asked.id, ["REJECTED"])


async def _write_a_flow_log(stack: Stack) -> None:
    producer = Producer(Settings(kafka=stack.addresses.kafka, kafka_idempotence=False))
    await producer.send([Outgoing(FLOWS, b"an exporter", text([Flow(now(), 1)]), [])])
    await producer.stop()


@asynccontextmanager
async def _collector(stack: Stack) -> AsyncIterator[str]:
    """Where a collector shows its figures, which no test's stack has of its own; a file waits for it."""
    settings = Settings(kafka=stack.addresses.kafka, database_url=SecretStr(stack.addresses.database))
    bucket = Bucket(LocalCloud(stack.addresses.cloud), settings)
    bucket.deliver(packed(lines(1)))
    port = free_port()
    told = {**bucket.told(), **credentials(), **stack.addresses.kafka_clients}
    async with process(COLLECTOR, 1, stack.folder, told, port=port):
        yield f"http://{HOST}:{port}"


async def _shown(addresses: Iterable[str]) -> set[tuple[str, str]]:
    """Metrics with each of their labels, and with none, of all services."""
    labels: dict[str, set[str]] = defaultdict(lambda: {""})
    async with httpx.AsyncClient() as http:
        for address in addresses:
            text = (await http.get(f"{address}/metrics")).text
            for metric, selector in re.findall(r"^(\w+)(\{.*\})? ", text, re.MULTILINE):
                labels[metric] |= set(re.findall(r'(\w+)="[^"]', selector))
    return {(metric, label) for metric, found in labels.items() for label in found}
