"""What users run into besides success, through the public API on the whole stack."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from onenet_client.errors import Conflict, Invalid
from onenet_client.models import Connection, Provider
from onenet_local.stack import Stack
from tests.e2e.estate import LEFT_REGION, RIGHT_REGION, Estate, estate, until


@pytest.fixture(scope="module")
async def accounts(stack: Stack) -> AsyncIterator[Estate]:
    """Two accounts of one owner."""
    async with estate(stack, networks=0) as made:
        yield made


@pytest.fixture
async def pair(accounts: Estate) -> AsyncIterator[Estate]:
    """One network on each side that no other test has."""
    made = await accounts.more(1)
    yield made
    await made.disconnect()


async def _connected(pair: Estate) -> Connection:
    asked = await pair.onenet.connections.create(*pair.pairs[0])
    return await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])


async def _event(pair: Estate, connection: UUID, happening: str) -> bool | None:
    async for entry in pair.onenet.connections.timeline(connection):
        if entry.type == f"onenet.connection.{happening}.v1":
            return True
    return None


async def test_overlapping_addresses_are_rejected_with_the_blocks_that_overlap(pair: Estate) -> None:
    block = pair.lefts[0].subnet
    twin = pair.right.vpc(block, region=RIGHT_REGION)
    await pair.onenet.providers.discover(pair.rights[0].provider)
    other = await until(lambda: pair.resource(twin), "the overlapping network to be discovered")
    asked = await pair.onenet.connections.create(pair.lefts[0].id, other)
    settled = await pair.onenet.wait_for(asked.id, ["REJECTED"])
    assert f"AWS_PEERING: addresses overlap: {block} and {block}" in settled.reasons


async def test_a_dry_run_shows_the_steps_and_builds_nothing(pair: Estate) -> None:
    asked = await pair.onenet.connections.create(*pair.pairs[0], desired_state="PLANNED")
    planned = await pair.onenet.wait_for(asked.id, ["PLANNED"])
    actions = [step.action for step in planned.plan]
    assert actions[0] == "create_peering"
    assert actions.count("create_route") == 2
    assert not pair.live_peerings()

    await pair.onenet.connections.retry(asked.id, desired_state="ESTABLISHED")
    done = await pair.onenet.wait_for(asked.id, ["ESTABLISHED"])
    assert pair.live_peerings() == pair.expected_peerings()
    assert done.generation == 2


async def test_a_change_of_an_established_connection_is_built(pair: Estate) -> None:
    standing = await _connected(pair)
    grown = "100.64.7.0/24"
    pair.right.client("ec2", RIGHT_REGION).associate_vpc_cidr_block(
        VpcId=pair.rights[0].native_id, CidrBlock=grown
    )
    await pair.onenet.providers.discover(pair.rights[0].provider)

    async def discovered() -> bool | None:
        return grown in (await pair.onenet.resources.get(pair.rights[0].id)).subnets or None

    await until(discovered, "the new block to be discovered")
    https = {"protocol": "tcp", "from_port": 443, "to_port": 443}
    changed = await pair.onenet.connections.change(standing.id, {"l4filters": [https]})
    assert changed.generation == 2
    done = await pair.onenet.wait_for(standing.id, ["ESTABLISHED"])
    assert done.generation == 2
    assert [rule.from_port for rule in done.l4filters] == [443]
    assert done.details["peering_id"] == standing.details["peering_id"]
    assert pair.live_peerings() == pair.expected_peerings()
    assert pair.peering_routes() == 3


async def test_a_peering_of_somebody_else_is_refused_unless_adopted_and_never_deleted(pair: Estate) -> None:
    left = pair.left.client("ec2", LEFT_REGION)
    peering = left.create_vpc_peering_connection(
        VpcId=pair.lefts[0].native_id,
        PeerVpcId=pair.rights[0].native_id,
        PeerOwnerId=pair.right.account,
        PeerRegion=RIGHT_REGION,
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    pair.right.client("ec2", RIGHT_REGION).accept_vpc_peering_connection(VpcPeeringConnectionId=peering)

    refused = await pair.onenet.connections.create(*pair.pairs[0])
    settled = await pair.onenet.connections.wait_for(refused.id, ["FAILED", "REJECTED"])
    assert peering in " ".join(settled.reasons)

    adopting = await pair.onenet.connections.create(*pair.pairs[0], adopt=True)
    adopted = await pair.onenet.wait_for(adopting.id, ["ESTABLISHED"])
    assert adopted.adopted
    assert adopted.details["peering_id"] == peering

    await pair.onenet.connections.delete(adopting.id)
    await pair.onenet.wait_for(adopting.id, ["DELETED"])
    assert pair.live_peerings() == pair.expected_peerings()
    assert pair.peering_routes() == 0


async def test_a_route_in_the_way_fails_and_leaves_nothing_behind(pair: Estate) -> None:
    ec2 = pair.left.client("ec2", LEFT_REGION)
    vpc = pair.lefts[0].native_id
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(
        RouteTableId=tables[0]["RouteTableId"],
        DestinationCidrBlock=pair.rights[0].subnet,
        GatewayId=gateway,
    )
    asked = await pair.onenet.connections.create(*pair.pairs[0])
    failed = await pair.onenet.wait_for(asked.id, ["FAILED"])
    assert gateway in " ".join(failed.reasons)
    assert not pair.live_peerings()


async def test_a_pair_has_one_live_connection_whoever_is_left_or_right(pair: Estate) -> None:
    standing = await _connected(pair)
    left, right = pair.pairs[0]
    with pytest.raises(Conflict, match=str(standing.id)):
        await pair.onenet.connections.create(right, left)


async def test_an_unknown_ctype_is_refused_at_once_and_names_the_known(pair: Estate) -> None:
    with pytest.raises(Invalid) as refused:
        await pair.onenet.connections.create(*pair.pairs[0], ctype="CARRIER_PIGEON")
    assert "ctype" in str(refused.value.errors)
    assert "AWS_PEERING" in str(refused.value.errors)


async def test_a_network_that_vanishes_flags_its_connection(pair: Estate) -> None:
    standing = await _connected(pair)
    ec2 = pair.right.client("ec2", RIGHT_REGION)
    ec2.delete_vpc(VpcId=pair.rights[0].native_id)
    await pair.onenet.providers.discover(pair.rights[0].provider)

    async def flagged() -> bool | None:
        now = await pair.onenet.connections.get(standing.id)
        return "resource_gone" in [flag.code for flag in now.flags] or None

    await until(flagged, "the connection to be flagged")
    await pair.onenet.connections.delete(standing.id)
    await pair.onenet.wait_for(standing.id, ["DELETED"])
    assert pair.peering_routes() == 0


async def test_every_object_that_somebody_removes_is_put_back(pair: Estate) -> None:
    standing = await _connected(pair)
    pair.left.client("ec2", LEFT_REGION).delete_vpc_peering_connection(
        VpcPeeringConnectionId=standing.details["peering_id"]
    )
    await until(lambda: _event(pair, standing.id, "repaired"), "the peering to be repaired")
    assert pair.live_peerings() == pair.expected_peerings()
    now = await pair.onenet.connections.get(standing.id)
    assert now.details["peering_id"] != standing.details["peering_id"]


async def test_a_provider_says_in_the_clouds_own_words_why_it_is_not_let_in(pair: Estate) -> None:
    onenet = pair.onenet
    provider = await onenet.providers.create(
        "closed", service=pair.lefts[0].service, account="555555555555", region=LEFT_REGION
    )

    async def status(wanted: str) -> Provider | None:
        now = await onenet.providers.get(provider.id)
        return now if now.status == wanted else None

    closed = await until(lambda: status("UNREACHABLE"), "the provider to be unreachable")
    assert "is not authorized to perform: sts:AssumeRole" in (closed.status_reason or "")

    pair.left.cloud.owner("555555555555")
    owner = type(pair.left)(pair.left.cloud, "555555555555")
    owner.client("iam").create_role(
        RoleName="OneNet", AssumeRolePolicyDocument=json.dumps(closed.trust_policy)
    )
    opened = await until(lambda: status("REACHABLE"), "the provider to be tried again by itself")
    assert not opened.status_reason
    await onenet.providers.delete(provider.id)
