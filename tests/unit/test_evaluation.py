"""Which path is chosen and why: every constraint both ways, and the decision that follows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onenet_common.addresses import CidrSet
from onenet_common.connection import (
    ELSEWHERE,
    Constraint,
    CType,
    ExistingPath,
    Quota,
    RefusedPath,
    Requirements,
    Resource,
    Side,
    Wish,
)
from onenet_common.envelope import Message
from onenet_common.errors import Malformed
from onenet_common.events import ConnectionEvaluated, ConnectionPathRefused, ConnectionRejected
from onenet_evaluator.evaluation import Decision, evaluate
from onenet_evaluator.handlers import decide
from onenet_evaluator.paths import read
from tests.samples import LEFT, RIGHT, deletion_requested, network, provider, requested, wish

CATALOGUE = read()
PEERING = CType.AWS_PEERING


def left(**changes: Any) -> Resource:
    return LEFT.model_copy(update=changes)


def right(**changes: Any) -> Resource:
    return RIGHT.model_copy(update=changes)


def peering(to: Resource, **changes: Any) -> ExistingPath:
    values = {
        "native_id": "pcx-1",
        "peer_native_id": to.native_id,
        "peer_account": to.account,
        "peer_region": to.region,
        "status": "active",
        **changes,
    }
    return ExistingPath(**values)


def used(used: int, limit: int, kind: str = "peerings") -> dict[str, Quota]:
    return {kind: Quota(used=used, limit=limit, source="service-quotas")}


def constraint(of: Wish, name: str) -> Constraint:
    [alternative] = evaluate(of, CATALOGUE).alternatives
    [found] = [one for one in alternative.constraints if one.name == name]
    return found


SAME_REGION = network("vpc-near", "10.3.0.0/16")
FOREIGN_PEERING = {"left": left(paths=(peering(RIGHT),)), "right": right(paths=(peering(LEFT),))}
OUR_PEERING = {"left": left(paths=(peering(RIGHT, ours=True),), quotas=used(50, 50))}

SATISFIED: list[tuple[str, dict[str, Any]]] = [
    ("as requested", {"ctype": None}),
    ("as requested", {"ctype": PEERING}),
    ("not refused by the provider", {}),
    ("different networks", {"right": right(native_id=LEFT.native_id)}),
    ("not connected yet", {}),
    ("no overlapping addresses", {}),
    ("both on AWS", {}),
    ("one AWS partition", {}),
    ("no peering there already", {}),
    ("no peering there already", {**FOREIGN_PEERING, "adopt": True}),
    ("no peering there already", OUR_PEERING),
    ("no peering there already", {"left": left(paths=(peering(RIGHT),))}),
    ("no peering there already", {"right": right(paths=(peering(LEFT),))}),
    (
        "no peering there already",
        {**FOREIGN_PEERING, "left": left(paths=(peering(RIGHT, peer_account="999999999999"),))},
    ),
    (
        "no peering there already",
        {**FOREIGN_PEERING, "left": left(paths=(peering(RIGHT, peer_region="us-west-2"),))},
    ),
    ("peerings free on the left", {"left": left(quotas=used(49, 50))}),
    ("peerings free on the left", OUR_PEERING),
    ("peerings free on the right", {}),
    ("routes free on the left", {"left": left(quotas=used(499, 500, "routes"))}),
    ("routes free on the right", {"right": right(quotas=used(499, 500, "routes"))}),
    ("encryption", {"requirements": Requirements(encryption=True)}),
    ("encryption", {"right": SAME_REGION}),
    ("bandwidth", {"requirements": Requirements(bandwidth_mbps=100_000)}),
]

BROKEN: list[tuple[str, dict[str, Any], str]] = [
    (
        "not refused by the provider",
        {"refused_paths": (RefusedPath(ctype=PEERING, reason="quota reached"),)},
        "quota reached",
    ),
    ("different networks", {"right": LEFT}, r"the same network AWS\vpc-left"),
    ("different networks", {"right": left(id=uuid4())}, r"the same network AWS\vpc-left"),
    ("not connected yet", {"connected_by": uuid4()}, "joins the two already"),
    (
        "no overlapping addresses",
        {"right": right(subnets=(RIGHT.subnet, *network("a", "10.1.128.0/17").subnets))},
        "10.1.0.0/16 and 10.1.128.0/17",
    ),
    ("both on AWS", {"right": right(provider_type="AZURE")}, r"not on AWS: AWS\vpc-right"),
    ("one AWS partition", {"right": right(region="cn-north-1")}, "cn-north-1 in aws-cn"),
    ("one AWS partition", {"left": left(region="us-gov-west-1")}, "partition aws-us-gov"),
    ("no peering there already", FOREIGN_PEERING, "pcx-1 (active)"),
    ("peerings free on the left", {"left": left(quotas=used(50, 50))}, "uses 50 of 50 peerings"),
    ("peerings free on the right", {"right": right(quotas=used(51, 50))}, "uses 51 of 50 peerings"),
    ("routes free on the left", {"left": left(quotas=used(500, 500, "routes"))}, "needs 1 more"),
    ("routes free on the right", {"right": right(quotas=used(500, 500, "routes"))}, "needs 1 more"),
    (
        "encryption",
        {"right": SAME_REGION, "requirements": Requirements(encryption=True)},
        "does not promise encryption",
    ),
    ("bandwidth", {"requirements": Requirements(bandwidth_mbps=100_001)}, "the path carries 100000"),
]


@pytest.mark.parametrize(("name", "changes"), SATISFIED)
def test_a_constraint_lets_pass_what_can_be_built(name: str, changes: dict[str, Any]) -> None:
    assert constraint(wish(**changes), name).satisfied


@pytest.mark.parametrize(("name", "changes", "reason"), BROKEN)
def test_a_constraint_that_is_broken_rejects_with_its_reason(
    name: str, changes: dict[str, Any], reason: str
) -> None:
    asked = wish(**changes)
    assert not constraint(asked, name).satisfied

    decision = evaluate(asked, CATALOGUE)

    assert decision.ctype is None
    assert any(reason in one for one in decision.reasons), decision.reasons


def test_every_constraint_is_tried_both_ways() -> None:
    [alternative] = evaluate(wish(), CATALOGUE).alternatives
    names = {one.name for one in alternative.constraints}
    assert names == {name for name, _ in SATISFIED}
    assert names == {name for name, *_ in BROKEN} | {"as requested"}  # broken by other ctypes alone


def test_a_network_that_both_sides_know_as_ours_is_ours() -> None:
    seen_by_maker = peering(RIGHT, ours=True)
    seen_by_peer = peering(LEFT, ours=False)
    both = wish(left=left(paths=(seen_by_maker,)), right=right(paths=(seen_by_peer,)))
    assert constraint(both, "no peering there already").satisfied


blocks = st.lists(st.sampled_from(["10.1.0.0/16", "10.1.1.0/24", "10.2.0.0/16", "10.3.0.0/20"]), min_size=1)


@given(blocks, blocks)
def test_networks_are_refused_exactly_when_their_addresses_overlap(
    ours: list[str], theirs: list[str]
) -> None:
    asked = wish(left=network("a", *ours), right=network("b", *theirs, of=provider("222222222222")))
    apart = not CidrSet.of(ours).overlaps(CidrSet.of(theirs))
    assert (evaluate(asked, CATALOGUE).ctype is PEERING) == apart


def test_many_overlaps_are_counted_and_some_are_named() -> None:
    ours = [f"10.{number}.0.0/16" for number in range(8)]
    asked = wish(left=network("a", *ours), right=right(subnets=network("b", "10.0.0.0/8").subnets))
    assert "and 3 more" in constraint(asked, "no overlapping addresses").reason


def test_a_quota_that_was_not_discovered_is_no_reason_and_says_so() -> None:
    assert "not discovered" in constraint(wish(), "peerings free on the left").reason


def test_a_decision_without_a_way_has_every_reason_once() -> None:
    asked = wish(left=left(quotas=used(50, 50)), connected_by=uuid4())
    decision = evaluate(asked, CATALOGUE)
    assert isinstance(decision, Decision)
    assert len(decision.reasons) == len(set(decision.reasons)) == 2
    assert all(reason.startswith("AWS_PEERING: ") for reason in decision.reasons)


def test_the_same_request_is_answered_with_the_same_event() -> None:
    question = requested(wish())
    answers = [decide(question, CATALOGUE) for _ in range(2)]
    assert answers[0].id == answers[1].id
    assert isinstance(answers[0].event, ConnectionEvaluated)
    assert answers[0].event.alternatives[0].ctype is PEERING


def test_a_path_that_the_provider_refused_is_not_chosen_again() -> None:
    asked = wish()
    refused = ConnectionPathRefused(
        connection_id=asked.id, generation=1, wish=asked, ctype=PEERING, reason="quota reached"
    )
    answer = decide(Message.of(refused), CATALOGUE).event
    assert isinstance(answer, ConnectionRejected)
    assert answer.reasons == ("AWS_PEERING: quota reached",)


def test_an_event_that_asks_nothing_is_not_answered() -> None:
    with pytest.raises(Malformed, match="asks for no decision"):
        decide(deletion_requested(wish()), CATALOGUE)


def test_what_a_provider_said_of_one_account_is_told_to_its_owner_alone() -> None:
    asked = wish()
    words = "AWS: role/x in 222222222222 may not"
    refused = Message.of(
        ConnectionPathRefused(
            connection_id=asked.id,
            generation=1,
            wish=asked,
            ctype=PEERING,
            reason=words,
            told={Side.RIGHT: words},
        )
    )
    rejected = decide(refused, CATALOGUE).event
    assert isinstance(rejected, ConnectionRejected)
    assert rejected.reasons == (f"AWS_PEERING: {words}",)
    assert rejected.told == {
        Side.LEFT: (f"AWS_PEERING: {ELSEWHERE}",),
        Side.RIGHT: (f"AWS_PEERING: {words}",),
    }


@pytest.mark.parametrize(("in_use", "word"), [(50, "not enough"), (49, "enough")])
def test_how_much_of_a_quota_is_in_use_is_told_to_the_owner_of_the_account(in_use: int, word: str) -> None:
    found = constraint(wish(right=right(quotas=used(in_use, 50))), "peerings free on the right")
    assert f"uses {in_use} of 50" in found.told_to(Side.RIGHT)
    assert found.told_to(Side.LEFT) == f"{RIGHT.name} has {word} peerings left"
