"""One can see what happens: one trace from the request to the provider's calls, metrics everywhere."""

from __future__ import annotations

import httpx
import pytest

from onenet_local.stack import Stack
from tests.e2e.estate import estate, until
from tests.e2e.traces import Span, Traces

WANTED = {
    ("onenet-api", "POST /v1/connections"),
    ("onenet-evaluator", "process onenet.connections"),
    ("onenet-provisioner", "reconcile AWS_PEERING"),
    ("onenet-provisioner", "EC2.CreateVpcPeeringConnection"),
    ("onenet-monitor", "process onenet.health"),
}


async def test_one_trace_leads_from_the_request_to_the_providers_calls(stack: Stack, traces: Traces) -> None:
    async with estate(stack, networks=1) as pair:
        asked = await pair.onenet.connections.create(*pair.pairs[0])
        done = await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
    assert done.trace_id

    async def complete() -> list[Span] | None:
        """A span is sent when it ends, so that those within it come first."""
        spans = traces.of(done.trace_id or "")
        return spans if {(span.service, span.name) for span in spans} >= WANTED else None

    spans = await until(complete, "the spans of all four services")
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in ids]
    assert [root.name for root in roots] == ["POST /v1/connections"]
    named = [span for span in spans if span.attributes.get("onenet.connection.id") == str(asked.id)]
    assert {span.service for span in named} == {span.service for span in spans}


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
