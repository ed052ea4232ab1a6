"""Services that run show every metric that dashboards and alert rules read, with the labels they read."""

from __future__ import annotations

import re
from collections import defaultdict

import httpx

from onenet_common.events import FLOWS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_local.cloud.handle import LocalCloud
from onenet_local.stack import Stack
from tests.e2e.estate import RIGHT_REGION, Estate, estate, until
from tests.expressions import labels_read
from tests.integration.flow_scene import Flow, now, text
from tests.integration.waiting import eventually

SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds to what it scrapes."""

RARE = {
    (
        "messaging_process_duration_seconds_count",
        "error_type",
    ): "a batch that failed, as with no database",
}
"""What appears only after something that this test does not bring about."""


async def test_services_show_what_dashboards_and_rules_read(stack: Stack) -> None:
    wanted = {(metric, "") for metric in labels_read() if metric != "up"} | {
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

        async def missing() -> set[tuple[str, str]]:
            return wanted - RARE.keys() - await _shown(stack)

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


async def _shown(stack: Stack) -> set[tuple[str, str]]:
    """Metrics with each of their labels, and with none, of all services."""
    labels: dict[str, set[str]] = defaultdict(lambda: {""})
    async with httpx.AsyncClient() as http:
        for address in stack.addresses.operations.values():
            text = (await http.get(f"{address}/metrics")).text
            for metric, selector in re.findall(r"^(\w+)(\{.*\})? ", text, re.MULTILINE):
                labels[metric] |= set(re.findall(r'(\w+)="[^"]', selector))
    return {(metric, label) for metric, found in labels.items() for label in found}
