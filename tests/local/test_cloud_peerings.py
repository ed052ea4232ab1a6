"""The life of VPC peering connections in the local cloud, as AWS lets them live."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from onenet_local.cloud import lifecycle
from onenet_local.cloud.lifecycle import Phase
from onenet_local.cloud.owner import REGION, Owner

FAR = "eu-north-1"
NOWHERE = "vpc-0123456789abcdef0"


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({re.escape(code)}\)")


@dataclass
class Pair:
    """Two VPCs of two accounts in two regions, the left one asking."""

    left: Owner
    right: Owner
    requester: str
    accepter: str

    @property
    def asking(self) -> Any:
        return self.left.client("ec2")

    @property
    def asked(self) -> Any:
        return self.right.client("ec2", FAR)

    def request(self, **more: Any) -> str:
        answer = self.asking.create_vpc_peering_connection(
            VpcId=self.requester,
            PeerVpcId=self.accepter,
            PeerOwnerId=self.right.account,
            PeerRegion=FAR,
            **more,
        )
        return str(answer["VpcPeeringConnection"]["VpcPeeringConnectionId"])

    def join(self) -> str:
        peering = self.request()
        self.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        return peering


def seen(client: Any, **arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.describe_vpc_peering_connections(**arguments)[
        "VpcPeeringConnections"
    ]
    return found


def status(client: Any, peering: str) -> str:
    return str(seen(client, VpcPeeringConnectionIds=[peering])[0]["Status"]["Code"])


@pytest.fixture
def pair(left: Owner, right: Owner) -> Pair:
    return Pair(left, right, left.vpc("10.1.0.0/16"), right.vpc("10.2.0.0/16", region=FAR))


def test_a_peering_goes_from_request_to_active_to_deleted(pair: Pair) -> None:
    peering = pair.request()
    assert status(pair.asking, peering) == status(pair.asked, peering) == "pending-acceptance"
    answer = pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert answer["VpcPeeringConnection"]["Status"]["Code"] == "provisioning"
    assert status(pair.asking, peering) == status(pair.asked, peering) == "active"
    pair.asked.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert status(pair.asking, peering) == status(pair.asked, peering) == "deleted"


def test_passing_states_last_until_they_settle(pair: Pair) -> None:
    pair.left.cloud.limit(settle=3600)
    peering = pair.request()
    assert status(pair.asking, peering) == "initiating-request"
    assert seen(pair.asked) == []
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_accepting_and_deleting_take_their_time(pair: Pair) -> None:
    peering = pair.request()
    pair.left.cloud.limit(settle=3600)
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert status(pair.asking, peering) == "provisioning"
    pair.left.cloud.limit(settle=0)
    other = Pair(pair.left, pair.right, pair.left.vpc("10.3.0.0/16"), pair.accepter).join()
    pair.left.cloud.limit(settle=3600)
    pair.asking.delete_vpc_peering_connection(VpcPeeringConnectionId=other)
    assert status(pair.asked, other) == "deleting"


def test_what_is_over_is_forgotten_after_a_while(pair: Pair) -> None:
    peering = pair.join()
    pair.asking.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    pair.left.cloud.limit(linger=0)
    assert seen(pair.asking) == seen(pair.asked) == []
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        seen(pair.asking, VpcPeeringConnectionIds=[peering])


def test_a_request_that_nobody_accepts_expires(pair: Pair) -> None:
    pair.left.cloud.limit(request_lifetime=0)
    peering = pair.request()
    assert status(pair.asking, peering) == "expired"
    with refused("InvalidStateTransition"):
        pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["10.1.0.0/16"], ["10.1.0.0/16"]),
        (["10.1.0.0/16"], ["10.1.128.0/20"]),
        (["10.1.0.0/16"], ["10.9.0.0/16", "10.1.3.0/24"]),
        (["10.1.0.0/16", "10.9.4.0/24"], ["10.9.0.0/16"]),
    ],
)
def test_overlap_of_any_blocks_fails_the_peering(
    left: Owner, right: Owner, ours: list[str], theirs: list[str]
) -> None:
    pair = Pair(left, right, left.vpc(*ours), right.vpc(*theirs, region=FAR))
    peering = pair.request()
    failed = seen(pair.asking, VpcPeeringConnectionIds=[peering])[0]["Status"]
    assert failed == {
        "Code": "failed",
        "Message": "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
    }
    assert seen(pair.asked) == []
    with refused("InvalidStateTransition"):
        pair.asking.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_a_vpc_cannot_be_peered_with_itself(left: Owner) -> None:
    vpc, ec2 = left.vpc("10.1.0.0/16"), left.client("ec2")
    ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=vpc)
    assert [one["Status"]["Code"] for one in seen(ec2)] == ["failed"]


def test_a_foreign_vpc_that_is_not_there_fails_later_and_an_own_one_at_once(
    left: Owner, right: Owner
) -> None:
    nowhere = Pair(left, right, left.vpc("10.1.0.0/16"), NOWHERE)
    assert status(nowhere.asking, nowhere.request()) == "failed"
    with refused("InvalidVpcID.NotFound"):
        nowhere.asking.create_vpc_peering_connection(VpcId=nowhere.requester, PeerVpcId=NOWHERE)
    with refused("InvalidVpcID.NotFound"):
        nowhere.asking.create_vpc_peering_connection(VpcId=NOWHERE, PeerVpcId=nowhere.requester)


def test_asking_again_is_answered_with_the_peering_that_is_there(pair: Pair) -> None:
    peering = pair.request()
    assert pair.request() == peering
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert pair.request() == peering
    pair.asking.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert pair.request() != peering


def test_a_second_peering_the_other_way_round_cannot_be_accepted(pair: Pair) -> None:
    pair.join()
    back = pair.asked.create_vpc_peering_connection(
        VpcId=pair.accepter, PeerVpcId=pair.requester, PeerOwnerId=pair.left.account, PeerRegion=REGION
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    with refused("VpcPeeringConnectionAlreadyExists"):
        pair.asking.accept_vpc_peering_connection(VpcPeeringConnectionId=back)


def test_the_quota_of_active_peerings_holds_for_both_vpcs(new_owner: Callable[[], Owner], pair: Pair) -> None:
    pair.left.cloud.limit(peerings_per_vpc=1)
    quota = pair.left.client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode="L-7E9ECCDB")
    assert quota["Quota"]["Value"] == 1
    pair.join()
    more = Pair(new_owner(), pair.right, "", pair.accepter)
    more.requester = more.left.vpc("10.3.0.0/16")
    with refused("ActiveVpcPeeringConnectionPerVpcLimitExceeded"):
        more.join()


def test_the_quota_holds_when_many_accept_at_once(left: Owner) -> None:
    left.cloud.limit(peerings_per_vpc=3, pending_peerings=100)
    ec2, middle = left.client("ec2"), left.vpc("10.0.0.0/16")
    peerings = [
        ec2.create_vpc_peering_connection(VpcId=left.vpc(f"10.{number}.0.0/16"), PeerVpcId=middle)
        for number in range(1, 13)
    ]

    def accept(asked: dict[str, Any]) -> bool:
        try:
            ec2.accept_vpc_peering_connection(
                VpcPeeringConnectionId=asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
            )
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(accept, peerings)) == 3


def test_the_quota_of_pending_requests_holds(pair: Pair) -> None:
    pair.left.cloud.limit(pending_peerings=1)
    pair.request()
    with refused("PendingVpcPeeringConnectionLimitExceeded"):
        Pair(pair.left, pair.right, pair.left.vpc("10.3.0.0/16"), pair.accepter).request()


def test_only_the_accepters_account_accepts_and_only_in_its_region(pair: Pair) -> None:
    peering = pair.request()
    with refused("OperationNotPermitted"):
        pair.asking.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        pair.right.client("ec2", REGION).accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_within_one_account_the_region_of_the_accepter_counts(left: Owner) -> None:
    pair = Pair(left, left, left.vpc("10.1.0.0/16"), left.vpc("10.2.0.0/16", region=FAR))
    peering = pair.request()
    with pytest.raises(ClientError, match=rf"Incorrect region .*must be accepted in region {FAR}"):
        pair.asking.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_what_is_over_can_be_neither_accepted_nor_rejected_nor_deleted(pair: Pair) -> None:
    peering = pair.request()
    pair.asked.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert status(pair.asking, peering) == "rejected"
    for operation in (
        pair.asked.accept_vpc_peering_connection,
        pair.asked.reject_vpc_peering_connection,
        pair.asking.delete_vpc_peering_connection,
    ):
        with refused("InvalidStateTransition"):
            operation(VpcPeeringConnectionId=peering)


def test_a_pending_request_is_deleted_by_the_requester_alone(pair: Pair) -> None:
    peering = pair.request()
    with refused("OperationNotPermitted"):
        pair.asked.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    pair.asking.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_each_side_sees_its_own_tags_alone(pair: Pair) -> None:
    tags = [{"Key": "onenet:connection", "Value": "c1"}]
    peering = pair.request(TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": tags}])
    assert [one["Tags"] for one in seen(pair.asking)] == [tags]
    assert [one["Tags"] for one in seen(pair.asked)] == [[]]
    pair.asked.create_tags(Resources=[peering], Tags=[{"Key": "side", "Value": "right"}])
    assert [one["Tags"] for one in seen(pair.asked)] == [[{"Key": "side", "Value": "right"}]]
    assert [one["Tags"] for one in seen(pair.asking)] == [tags]
    wanted = [{"Name": "tag:onenet:connection", "Values": ["c1"]}]
    assert len(seen(pair.asking, Filters=wanted)) == 1
    assert seen(pair.asked, Filters=wanted) == []


def test_the_peers_blocks_are_told_once_active(pair: Pair) -> None:
    peering = pair.request()
    assert "CidrBlock" not in seen(pair.asking)[0]["AccepterVpcInfo"]
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    told = seen(pair.asking)[0]
    assert told["AccepterVpcInfo"]["CidrBlockSet"] == [{"CidrBlock": "10.2.0.0/16"}]
    assert told["RequesterVpcInfo"]["CidrBlockSet"] == [{"CidrBlock": "10.1.0.0/16"}]


def dns(client: Any, peering: str, side: str) -> None:
    client.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=peering,
        **{f"{side}PeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True}},
    )


def test_options_are_set_on_active_peerings_by_each_side_for_itself(pair: Pair) -> None:
    peering = pair.request()
    with pytest.raises(ClientError, match="can be added only to active peerings"):
        dns(pair.asking, peering, "Requester")
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    with pytest.raises(ClientError, match="does not have permission to modify the accepter side"):
        dns(pair.asking, peering, "Accepter")
    dns(pair.asking, peering, "Requester")
    told = seen(pair.asked)[0]
    assert told["RequesterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    assert told["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is False


def test_a_dry_run_changes_nothing(pair: Pair) -> None:
    with refused("DryRunOperation"):
        pair.request(DryRun=True)
    assert seen(pair.asking) == []


def test_a_vpc_takes_its_peerings_with_it(pair: Pair) -> None:
    peering = pair.join()
    pair.asked.delete_vpc(VpcId=pair.accepter)
    assert status(pair.asking, peering) == "deleted"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vpc-peering-connection-id", "{peering}"),
        ("requester-vpc-info.vpc-id", "{requester}"),
        ("requester-vpc-info.owner-id", "{left}"),
        ("requester-vpc-info.cidr-block", "10.1.0.0/16"),
        ("accepter-vpc-info.vpc-id", "{accepter}"),
        ("accepter-vpc-info.owner-id", "{right}"),
        ("accepter-vpc-info.cidr-block", "10.2.*"),
        ("status-code", "act?ve"),
        ("tag-key", "onenet:*"),
        ("tag:onenet:connection", "c1"),
    ],
)
def test_each_filter_finds_its_peering_and_no_other(pair: Pair, name: str, value: str) -> None:
    tags = [{"Key": "onenet:connection", "Value": "c1"}]
    peering = pair.request(TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": tags}])
    pair.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    wanted = value.format(
        peering=peering,
        requester=pair.requester,
        accepter=pair.accepter,
        left=pair.left.account,
        right=pair.right.account,
    )
    found = seen(pair.asking, Filters=[{"Name": name, "Values": ["no such value", wanted]}])
    assert [one["VpcPeeringConnectionId"] for one in found] == [peering]
    assert seen(pair.asking, Filters=[{"Name": name, "Values": ["no such value"]}]) == []


def test_an_unknown_filter_is_the_callers_mistake(pair: Pair) -> None:
    for operation in (pair.asking.describe_vpc_peering_connections, pair.asking.describe_vpcs):
        with refused("InvalidParameterValue"):
            operation(Filters=[{"Name": "colour", "Values": ["blue"]}])


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted), st.floats(-10, 110))
def test_a_lifecycle_is_in_its_latest_phase_that_has_begun(times: list[float], now: float) -> None:
    phases = [Phase(since, str(index), "") for index, since in enumerate(times)]
    expected = max((index for index, since in enumerate(times) if since <= now), default=0)
    assert lifecycle.at(phases, now).code == str(expected)
