"""What only AWS has: roles, quotas, states of a peering, and what discovery finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from onenet_common.connection import CType, Provider, Resource, Side
from onenet_common.errors import Conflict, PathRefused, Permanent, Transient
from onenet_evaluator.evaluation import evaluate
from onenet_evaluator.paths import read
from onenet_local.cloud.handle import LocalCloud
from onenet_provisioner.drivers.aws.discovery import AwsDiscovery
from onenet_provisioner.drivers.aws.pacing import Kind
from onenet_provisioner.drivers.aws.peering import AwsPeering
from onenet_provisioner.drivers.aws.reads import Reads
from onenet_provisioner.drivers.aws.sessions import Sessions

from .aws_scene import RIGHT_BLOCKS, AwsScene, Place
from .networks import link, network
from .run import deleted, drive


@pytest.fixture
def scene(cloud: LocalCloud, sessions: Sessions, left: Place, right: Place) -> AwsScene:
    return AwsScene(cloud, sessions, left, right)


def of(discovered: list[Resource], native_id: str) -> Resource:
    return next(resource for resource in discovered if resource.native_id == native_id)


@asynccontextmanager
async def sessions_for(cloud: LocalCloud, *providers: Provider) -> AsyncIterator[Sessions]:
    known = {one.id: one for one in providers}

    async def lookup(provider_id: UUID) -> Provider:
        return known[provider_id]

    made = Sessions(lookup, endpoint_url=cloud.url)
    try:
        yield made
    finally:
        await made.aclose()


async def test_overlapping_networks_are_refused_in_awss_words(
    sessions: Sessions, left: Place, right: Place
) -> None:
    ours = left.owner.vpc("10.7.0.0/16", region=left.provider.region)
    theirs = right.owner.vpc("10.8.0.0/16", "10.7.0.0/17", region=right.provider.region)
    # The peer has grown since it was discovered.
    wanted = link(network(left.provider, ours, "10.7.0.0/16"), network(right.provider, theirs, "10.8.0.0/16"))
    driver = AwsPeering(sessions, Reads(sessions), look_again=0.01)
    with pytest.raises(PathRefused, match="overlapping CIDR") as refused:
        await drive(driver, wanted)
    assert refused.value.code == "peering_failed"
    with pytest.raises(PathRefused):
        await drive(driver, wanted)
    assert (await drive(driver, deleted(wanted))).done == []


async def test_a_quota_that_is_reached_asks_for_another_path(cloud: LocalCloud, scene: AwsScene) -> None:
    cloud.limit(peerings_per_vpc=0)
    with pytest.raises(PathRefused) as refused:
        await drive(scene.driver(), scene.link)
    assert refused.value.code == "quota_reached"
    await drive(scene.driver(), deleted(scene.link))
    assert not scene.objects().total()


async def test_requests_that_wait_for_others_are_waited_for(cloud: LocalCloud, scene: AwsScene) -> None:
    cloud.limit(pending_peerings=0)
    seen = await scene.driver().observe(scene.link)
    first = scene.driver().plan(scene.link, seen)[0]
    with pytest.raises(Transient) as waiting:
        await scene.driver().apply(scene.link, first)
    assert waiting.value.code == "pending_quota_reached"


@pytest.mark.parametrize("side", Side)
async def test_what_aws_says_of_one_account_is_marked_as_about_its_side(
    cloud: LocalCloud, scene: AwsScene, side: Side
) -> None:
    account = scene.link.wish.side(side).account
    cloud.arm({"kind": "unauthorized", "operation": "DescribeRouteTables", "account": account})
    with pytest.raises(Permanent) as refused:
        await scene.driver().observe(scene.link)
    assert refused.value.told == {side: refused.value.reason}


async def test_the_peering_of_another_connection_is_named(scene: AwsScene) -> None:
    await drive(scene.driver(), scene.link)
    rival = link(scene.link.wish.left, scene.link.wish.right, adopt=True)
    with pytest.raises(Conflict, match=str(scene.link.connection_id)):
        await drive(scene.driver(), rival)


async def test_a_peering_asked_for_from_the_other_side_is_adopted_as_it_is(scene: AwsScene) -> None:
    path = scene.join_by_hand()
    wish = scene.link.wish
    turned = link(wish.right, wish.left, adopt=True)
    built = await drive(scene.driver(), turned)
    assert built.seen.details["peering_id"] == path
    assert {step.action for step in built.done} == {"remember_routes", "create_route"}


async def test_nothing_is_left_when_the_peers_network_is_gone(scene: AwsScene) -> None:
    built = await drive(scene.driver(), scene.link)
    scene.places[Side.RIGHT].ec2.delete_vpc(VpcId=scene.vpcs[Side.RIGHT])
    removed = await drive(scene.driver(), deleted(built.link))
    assert {step.side for step in removed.done if step.action == "delete_route"} == {Side.LEFT}
    assert not scene.objects().total()


async def test_routes_go_into_the_tables_that_are_chosen_by_tag(scene: AwsScene) -> None:
    scene.places[Side.LEFT].ec2.create_tags(
        Resources=[scene.second_table], Tags=[{"Key": "onenet:route-table", "Value": "true"}]
    )
    await drive(scene.driver(), scene.link)
    tables = {table for table, block, _ in scene.routes(Side.LEFT) if block == RIGHT_BLOCKS[0]}
    assert tables == {scene.second_table}


async def test_ipv6_is_routed_between_networks_that_have_it(
    sessions: Sessions, left: Place, right: Place
) -> None:
    found: list[Resource] = []
    for place, block in ((left, "10.11.0.0/16"), (right, "10.12.0.0/16")):
        vpc = place.ec2.create_vpc(CidrBlock=block, AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        found.append(of(await AwsDiscovery(sessions).discover(place.provider), vpc))
    run = await drive(AwsPeering(sessions, Reads(sessions), look_again=0.01), link(found[0], found[1]))
    routed = {step.arguments["destination"] for step in run.done if step.action == "create_route"}
    assert routed == {str(block) for resource in found for block in resource.subnets}
    assert len(routed) == 4


async def test_a_cold_start_makes_no_call_too_many(cloud: LocalCloud, scene: AwsScene) -> None:
    driver = AwsPeering(scene.sessions, Reads(scene.sessions), dns_resolution=False)
    cloud.forget_calls()
    await drive(driver, scene.link)
    counts = {operation: cloud.calls(operation=operation) for operation in _OPERATIONS}
    assert counts == {
        "DescribeVpcPeeringConnections": 1 + 1 + 2,  # before, until active, and both sides after
        "DescribeRouteTables": 2 + 2,
        "CreateVpcPeeringConnection": 1,
        "AcceptVpcPeeringConnection": 1,
        "CreateTags": 1,
        "CreateRoute": scene.complete()["route"],
        "ModifyVpcPeeringConnectionOptions": 0,
    }
    cloud.forget_calls()
    await drive(driver, scene.link)
    assert cloud.calls() == 4


_OPERATIONS = (
    "DescribeVpcPeeringConnections",
    "DescribeRouteTables",
    "CreateVpcPeeringConnection",
    "AcceptVpcPeeringConnection",
    "CreateTags",
    "CreateRoute",
    "ModifyVpcPeeringConnectionOptions",
)


async def test_observers_of_one_account_and_region_share_their_reads(
    cloud: LocalCloud, sessions: Sessions, left: Place, right: Place
) -> None:
    driver = AwsPeering(sessions, Reads(sessions))
    scenes = [AwsScene(cloud, sessions, left, right) for _ in range(10)]
    cloud.forget_calls()
    await asyncio.gather(*(driver.observe(scene.link) for scene in scenes))
    assert cloud.calls() == 3


async def test_credentials_that_expire_are_renewed(cloud: LocalCloud, scene: AwsScene) -> None:
    await drive(scene.driver(), scene.link)
    cloud.expire_credentials()
    run = await drive(scene.driver(), scene.link)
    assert {error.code for error in run.errors} == {"credentials_expired"}
    assert run.done == []


async def test_a_role_that_trusts_somebody_else_is_told_in_awss_words(cloud: LocalCloud, left: Place) -> None:
    stranger = left.provider.model_copy(update={"external_id": "a wrong one"})
    async with sessions_for(cloud, stranger) as sessions:
        with pytest.raises(Permanent, match="AssumeRole") as refused:
            await AwsDiscovery(sessions).discover(stranger)
    assert refused.value.code == "access_denied"


async def test_a_role_that_leads_to_another_account_is_told_with_both(
    cloud: LocalCloud, left: Place, right: Place
) -> None:
    mixed = left.provider.model_copy(update={"role_arn": right.provider.role_arn})
    async with sessions_for(cloud, mixed) as sessions:
        with pytest.raises(Permanent, match=r"222222222222.*111111111111") as refused:
            await AwsDiscovery(sessions).discover(mixed)
    assert refused.value.code == "wrong_account"


async def test_a_provider_whose_role_changed_is_entered_anew(cloud: LocalCloud, left: Place) -> None:
    renamed = left.owner.trust("another", role="OneNetRenamed")
    async with sessions_for(cloud, left.provider) as sessions:
        await AwsDiscovery(sessions).discover(left.provider)
        cloud.forget_calls()
        await AwsDiscovery(sessions).discover(left.provider)
        assert cloud.calls(operation="AssumeRole") == 0
        changed = left.provider.model_copy(update={"role_arn": renamed, "external_id": "another"})
        await AwsDiscovery(sessions).discover(changed)
        assert cloud.calls(operation="AssumeRole") == 1


async def test_many_callers_enter_an_account_once(cloud: LocalCloud, left: Place) -> None:
    async def call(sessions: Sessions) -> None:
        async with sessions.ec2(left.provider, Kind.DESCRIBE) as ec2:
            await ec2.describe_vpcs()

    async with sessions_for(cloud, left.provider) as sessions:
        cloud.forget_calls()
        await asyncio.gather(*(call(sessions) for _ in range(20)))
    assert cloud.calls(operation="AssumeRole") == 1
    assert cloud.calls(operation="GetCallerIdentity") == 1


async def test_discovery_tells_all_that_a_path_needs_to_know(sessions: Sessions, scene: AwsScene) -> None:
    discovery, at, vpc = AwsDiscovery(sessions), scene.places[Side.LEFT].provider, scene.vpcs[Side.LEFT]
    before = of(await discovery.discover(at), vpc)
    assert before.subnets == scene.link.wish.left.subnets
    assert before.id == scene.link.wish.left.id
    assert before.name == f"AWS\\{before.native_id}"
    assert before.quotas["peerings"].used == 0
    assert before.quotas["routes"].used == 1
    built = await drive(scene.driver(), scene.link)
    after = of(await discovery.discover(at), vpc)
    assert after.quotas["peerings"].model_dump() == {
        "used": 1,
        "limit": 50,
        "source": "service-quotas L-7E9ECCDB",
    }
    assert after.quotas["routes"].used == 2
    (path,) = after.paths
    assert path.model_dump() == {
        "native_id": built.seen.details["peering_id"],
        "peer_native_id": scene.vpcs[Side.RIGHT],
        "peer_account": "222222222222",
        "peer_region": "us-east-1",
        "status": "active",
        "ours": True,
    }


async def test_discovery_tells_by_which_addresses_the_internet_knows_a_network(
    sessions: Sessions, scene: AwsScene
) -> None:
    place, vpc = scene.places[Side.LEFT], scene.vpcs[Side.LEFT]
    discovery = AwsDiscovery(sessions)
    subnet = place.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]
    interface = place.ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    used = place.ec2.allocate_address(Domain="vpc")
    place.ec2.allocate_address(Domain="vpc")
    assert of(await discovery.discover(place.provider), vpc).public_addresses == ()
    place.ec2.associate_address(
        AllocationId=used["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"]
    )
    assert of(await discovery.discover(place.provider), vpc).public_addresses == (used["PublicIp"],)
    others = [one for one in await discovery.discover(place.provider) if one.native_id != vpc]
    assert others
    assert not any(one.public_addresses for one in others)


async def test_a_role_that_may_not_look_at_addresses_is_discovered_without_them(
    cloud: LocalCloud, sessions: Sessions, scene: AwsScene
) -> None:
    place = scene.places[Side.LEFT]
    cloud.arm({"kind": "unauthorized", "operation": "DescribeAddresses"})
    assert of(await AwsDiscovery(sessions).discover(place.provider), scene.vpcs[Side.LEFT]).quotas


async def test_a_peering_in_the_making_is_not_taken_for_somebody_elses(
    sessions: Sessions, scene: AwsScene
) -> None:
    """Seen when it was made and not yet tagged on the other side, which had been looked at before."""
    await drive(scene.driver(), scene.link, crash_after=1)
    seen = of(
        await AwsDiscovery(sessions).discover(scene.places[Side.RIGHT].provider), scene.vpcs[Side.RIGHT]
    )
    assert [path.ours for path in seen.paths] == [False]
    wish = scene.link.wish.model_copy(update={"right": seen})
    assert evaluate(wish, read()).ctype is CType.AWS_PEERING


async def test_a_peering_of_somebody_else_is_told_once_both_sides_are_discovered(
    sessions: Sessions, scene: AwsScene
) -> None:
    path = scene.join_by_hand()
    discovery = AwsDiscovery(sessions)
    sides = {
        side.value: of(await discovery.discover(scene.places[side].provider), scene.vpcs[side])
        for side in Side
    }
    decision = evaluate(scene.link.wish.model_copy(update=sides), read())
    assert decision.ctype is None
    assert path in " ".join(decision.reasons)


async def test_discovery_reads_every_page(cloud: LocalCloud, sessions: Sessions, left: Place) -> None:
    cloud.limit(page_size=2)
    vpcs = [left.owner.vpc(f"10.{20 + number}.0.0/16", region=left.provider.region) for number in range(5)]
    found = {resource.native_id for resource in await AwsDiscovery(sessions).discover(left.provider)}
    assert set(vpcs) <= found


async def test_a_quota_that_may_not_be_read_is_the_default(
    cloud: LocalCloud, sessions: Sessions, left: Place
) -> None:
    cloud.arm({"kind": "unauthorized", "service": "servicequotas"})
    resource = (await AwsDiscovery(sessions).discover(left.provider))[0]
    assert resource.quotas["peerings"].limit == 50
    assert resource.quotas["routes"].source == "default (access_denied)"
