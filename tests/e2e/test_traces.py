"""One trace tells a connection's story; what came before and after it is linked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from itertools import count
from uuid import UUID

import pytest

from onenet_client.models import Connection, TimelineEntry
from onenet_local.cloud.handle import LocalCloud
from onenet_local.stack import Stack
from tests.e2e import shapes
from tests.e2e.estate import LEFT_REGION, RIGHT_REGION, Estate, estate, until
from tests.e2e.traces import Span, Traces

MESSAGING = {
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.destination.name",
    "messaging.destination.partition.id",
    "messaging.kafka.message.key",
    "messaging.kafka.offset",
    "messaging.message.id",
}
TOKEN = re.compile(rb"eyJ[\w-]+\.eyJ[\w-]{8}")
"""How a token's header begins; three letters alone turn up in the random ids of many spans."""


def conventional(span: Span) -> set[str]:
    """The attributes that OpenTelemetry's semantic conventions ask of such a span."""
    if span.name.startswith("EC2."):
        return {"rpc.system", "rpc.service", "rpc.method", "aws.request_id", "cloud.region"}
    match span.kind:
        case "SERVER":
            return {"http.request.method", "http.route", "http.response.status_code"}
        case "PRODUCER":
            return MESSAGING
        case "CONSUMER":
            return MESSAGING | {"messaging.consumer.group.name"}
        case "CLIENT":
            return {"db.system.name", "db.operation.name", "db.collection.name"}
    return {"onenet.phase"}


@pytest.fixture(scope="module")
async def networks(stack: Stack) -> AsyncIterator[Estate]:
    """Pairs enough for one connection of each test."""
    async with estate(stack, networks=3) as made:
        yield made


_taken = count()


@pytest.fixture
def pair(networks: Estate) -> tuple[UUID, UUID]:
    return networks.pairs[next(_taken)]


@pytest.fixture
def cloud(stack: Stack) -> Iterator[LocalCloud]:
    """The local cloud, free of faults and with its usual limits afterwards."""
    handle = LocalCloud(stack.addresses.cloud)
    yield handle
    handle.disarm()
    handle.restore_limits()


async def _connected(networks: Estate, pair: tuple[UUID, UUID], ctype: str | None = None) -> Connection:
    asked = await networks.onenet.connections.create(*pair, ctype=ctype)
    return await networks.onenet.wait_for(asked.id, ["ESTABLISHED"])


async def _entry(networks: Estate, connection: UUID, happening: str) -> TimelineEntry:
    async def look() -> TimelineEntry | None:
        async for entry in networks.onenet.connections.timeline(connection):
            if entry.type == f"onenet.connection.{happening}.v1":
                return entry
        return None

    return await until(look, f"the connection to be {happening}")


async def _shaped(traces: Traces, trace_id: str | None, expected: str) -> list[Span]:
    """The spans of a trace, once they form this tree; fails with the difference when they never do."""

    async def look() -> bool | None:
        return shapes.tree(traces.of(trace_id or "")) == expected.strip() or None

    try:
        await until(look, "the trace")
    except AssertionError:
        assert shapes.tree(traces.of(trace_id or "")) == expected.strip()
        raise
    return traces.of(trace_id or "")


def _named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


async def test_a_trace_leads_from_the_request_to_the_read_model(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces
) -> None:
    done = await _connected(networks, pair)
    spans = await _shaped(traces, done.trace_id, shapes.ESTABLISHED)
    for span in spans:
        assert span.attributes["onenet.connection.id"] == str(done.id), span
        assert span.attributes["onenet.generation"] == 1, span
        assert conventional(span) <= span.attributes.keys(), span
        assert not span.failed, span
        assert not span.links, span
        assert span.resource["service.version"], span
        assert span.resource["service.instance.id"], span
    [work] = _named(spans, "reconcile AWS_PEERING")
    calls = [span for span in spans if span.parent_id == work.span_id and span.kind == "CLIENT"]
    assert calls
    undecided = {_about(span) for span in spans if span.attributes.get("onenet.ctype") != "AWS_PEERING"}
    assert undecided == {
        "onenet-api POST /v1/connections",
        "onenet-api INSERT connections",
        "onenet-api send onenet.connections requested",
        "onenet-evaluator process onenet.connections requested",
        "onenet-monitor process onenet.connections requested",
    }
    timeline = [entry async for entry in networks.onenet.connections.timeline(done.id)]
    assert {entry.trace_id for entry in timeline} >= {done.trace_id}


def _about(span: Span) -> str:
    happening = span.attributes.get("onenet.event.type", "..").split(".")[2]
    return f"{span.service} {span.name} {happening}".rstrip()


async def test_a_rejection_ends_the_trace(networks: Estate, traces: Traces) -> None:
    left = networks.lefts[0]
    twin = networks.right.vpc(left.subnet, region=RIGHT_REGION)
    await networks.onenet.providers.discover(networks.rights[0].provider)

    async def discovered() -> UUID | None:
        return next(iter([r.id async for r in networks.onenet.resources.find() if r.native_id == twin]), None)

    asked = await networks.onenet.connections.create(
        left.id, await until(discovered, "the overlapping network")
    )
    rejected = await networks.onenet.wait_for(asked.id, ["REJECTED"])
    await _shaped(traces, rejected.trace_id, shapes.REJECTED)


async def test_a_try_after_throttling_is_linked_to_the_one_before(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces, cloud: LocalCloud
) -> None:
    account = networks.left.account
    cloud.arm({"kind": "throttle", "operation": "CreateVpcPeeringConnection", "account": account, "count": 1})
    done = await _connected(networks, pair)
    spans = await _shaped(traces, done.trace_id, shapes.ESTABLISHED)
    first, *others = sorted(_named(spans, "reconcile AWS_PEERING"), key=lambda span: not span.failed)
    assert first.attributes["error.type"] == "throttled"
    assert [span.linked_spans for span in others] == [{first.span_id}]
    calls = _named(spans, "EC2.CreateVpcPeeringConnection")
    assert sorted(call.attributes.get("error.type", "") for call in calls) == ["", "throttled"]
    codes = sorted(call.attributes.get("onenet.provider.error.code", "") for call in calls)
    assert codes == ["", "RequestLimitExceeded"]


async def test_a_repair_is_a_trace_of_its_own_linked_to_the_wish(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces
) -> None:
    done = await _connected(networks, pair)
    networks.left.client("ec2", LEFT_REGION).delete_vpc_peering_connection(
        VpcPeeringConnectionId=done.details["peering_id"]
    )
    repaired = await _entry(networks, done.id, "repaired")
    assert repaired.trace_id != done.trace_id
    spans = await _shaped(traces, repaired.trace_id, shapes.REPAIRED)
    [look] = _named(spans, "reconcile AWS_PEERING")
    assert look.links == {done.trace_id}
    assert look.attributes["onenet.phase"] == "WATCHED"
    assert {span.attributes.get("onenet.ctype") for span in spans} == {"AWS_PEERING"}


async def test_a_users_retry_is_linked_to_what_failed(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces, cloud: LocalCloud
) -> None:
    cloud.arm({"kind": "unauthorized", "operation": "CreateVpcPeeringConnection"})
    asked = await networks.onenet.connections.create(*pair)
    failed = await networks.onenet.wait_for(asked.id, ["FAILED"])
    cloud.disarm()
    await networks.onenet.connections.retry(asked.id)
    done = await networks.onenet.wait_for(asked.id, ["ESTABLISHED"])
    assert done.trace_id != failed.trace_id
    spans = await _shaped(traces, done.trace_id, shapes.RETRIED)
    assert {span.attributes["onenet.generation"] for span in spans} == {2}
    [request] = _named(spans, "POST /v1/connections/{connection_id}/retry")
    [work] = _named(spans, "reconcile AWS_PEERING")
    assert request.links == work.links == {failed.trace_id}


async def test_a_deletion_is_a_trace_of_its_own_linked_to_the_wish(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces
) -> None:
    done = await _connected(networks, pair, "AWS_PEERING")
    whole = await _shaped(traces, done.trace_id, shapes.ESTABLISHED)
    assert {span.attributes.get("onenet.ctype") for span in whole} == {"AWS_PEERING"}
    await networks.onenet.connections.delete(done.id)
    deleted = await networks.onenet.wait_for(done.id, ["DELETED"])
    assert deleted.trace_id != done.trace_id
    spans = await _shaped(traces, deleted.trace_id, shapes.DELETED)
    assert {span.attributes.get("onenet.ctype") for span in spans} == {"AWS_PEERING"}
    [request] = _named(spans, "DELETE /v1/connections/{connection_id}")
    [work] = _named(spans, "reconcile AWS_PEERING")
    assert request.links == work.links == {done.trace_id}


async def test_no_span_tells_a_secret(networks: Estate, pair: tuple[UUID, UUID], traces: Traces) -> None:
    """Tokens, external ids and what AssumeRole gives, in names, attributes, events or anything else."""
    done = await _connected(networks, pair)
    await _shaped(traces, done.trace_id, shapes.ESTABLISHED)
    secrets = ["SecretAccessKey", "SessionToken", "Bearer "]
    async for provider in networks.onenet.providers.find():
        assert provider.external_id
        secrets.append(provider.external_id)
    everything = b"".join(traces.bodies)
    assert b"AssumeRole" in everything
    assert [secret for secret in secrets if secret.encode() in everything] == []
    assert TOKEN.search(everything) is None


async def test_a_path_that_is_refused_is_evaluated_again_in_the_same_trace(
    networks: Estate, pair: tuple[UUID, UUID], traces: Traces, cloud: LocalCloud
) -> None:
    # The last test: what is discovered meanwhile knows of no quota until it is discovered again.
    cloud.limit(peerings_per_vpc=0)
    asked = await networks.onenet.connections.create(*pair)
    rejected = await networks.onenet.wait_for(asked.id, ["REJECTED"])
    cloud.restore_limits()
    spans = await _shaped(traces, rejected.trace_id, shapes.PATH_REFUSED)
    tries = {span.attributes["onenet.phase"]: span for span in _named(spans, "reconcile AWS_PEERING")}
    assert tries["WORKING"].attributes["error.type"] == "quota_reached"
    assert tries["UNDOING"].linked_spans == {tries["WORKING"].span_id}
