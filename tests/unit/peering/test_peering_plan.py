"""What a plan of a peering says in worlds that matter enough to have a name."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from onenet_common.addresses import parse_network
from onenet_common.connection import CType, Side
from onenet_common.errors import Conflict, PathRefused, Permanent
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.aws.peering_model import (
    CONNECTION_TAG,
    GENERATION_TAG,
    End,
    Peering,
    Route,
    RouteTable,
    SeenPeering,
)
from onenet_provisioner.drivers.aws.peering_plan import plan
from onenet_provisioner.drivers.driver import Link

from .world import EMPTY, LEFT_BLOCKS, OURS, RIGHT_BLOCKS, new_link, table_of

OTHER = CType.AWS_PEERING
"""Stands for a ctype that comes later: what is remembered of a path does not say by which it is."""
TO_RIGHT, TO_LEFT = parse_network(RIGHT_BLOCKS[0]), parse_network(LEFT_BLOCKS[0])


def ours(id_: str = "pcx-1", status: str = "active", generation: str = "2") -> Peering:
    end = End({CONNECTION_TAG: str(OURS), GENERATION_TAG: generation}, dns=True)
    return Peering(id_, status, Side.LEFT, "in AWS's words", dict.fromkeys(Side, end))


def foreign(status: str = "active", owner: str = "") -> Peering:
    end = End({CONNECTION_TAG: owner} if owner else {})
    return Peering("pcx-hand", status, Side.RIGHT, "", dict.fromkeys(Side, end))


def seen(*peerings: Peering, left: tuple[Route, ...] = (), right: tuple[Route, ...] = ()) -> SeenPeering:
    tables = {Side.LEFT: (table_of(Side.LEFT, *left),), Side.RIGHT: (table_of(Side.RIGHT, *right),)}
    return SeenPeering(peerings=peerings, tables=tables)


def routed(*peerings: Peering, through: str) -> SeenPeering:
    return seen(*peerings, left=(Route(TO_RIGHT, through),), right=(Route(TO_LEFT, through),))


def words(link: Link, found: SeenPeering, *, dns: bool = True) -> list[str]:
    return [f"{step.action} {step.side}" for step in plan(link, found, dns=dns)]


def test_the_first_plan_shows_the_whole_way() -> None:
    assert words(new_link(), EMPTY) == [
        "create_peering left",
        "accept_peering right",
        "tag_peering right",
        "await_peering right",
        "create_route left",
        "create_route right",
        "set_dns_resolution left",
        "set_dns_resolution right",
    ]


def test_one_place_has_one_view_of_the_tags_and_sets_both_options_at_once() -> None:
    steps = plan(new_link(same_place=True), EMPTY, dns=True)
    assert "tag_peering" not in {step.action for step in steps}
    (resolution,) = (step for step in steps if step.action == "set_dns_resolution")
    assert resolution.arguments["roles"] == "requester,accepter"


def test_dns_resolution_is_left_alone_when_it_is_not_wanted() -> None:
    assert not any("dns" in step for step in words(new_link(), EMPTY, dns=False))


def test_routes_wait_for_an_active_peering() -> None:
    steps = words(new_link(), seen(ours(status="provisioning")))
    assert steps == ["await_peering right", "create_route left", "create_route right"]


@pytest.mark.parametrize(
    ("left", "right", "destinations"),
    [
        (LEFT_BLOCKS, RIGHT_BLOCKS, {*LEFT_BLOCKS, *RIGHT_BLOCKS}),
        (LEFT_BLOCKS[:2], RIGHT_BLOCKS, {*LEFT_BLOCKS[:2], *RIGHT_BLOCKS[:2]}),
    ],
    ids=["both have IPv6", "one has IPv6"],
)
def test_all_blocks_are_routed_and_ipv6_only_between_networks_that_have_it(
    left: tuple[str, ...], right: tuple[str, ...], destinations: set[str]
) -> None:
    steps = plan(new_link(left, right), EMPTY, dns=False)
    assert {step.arguments["destination"] for step in steps if step.action == "create_route"} == destinations


def test_tables_chosen_by_tag_are_served_and_no_others() -> None:
    chosen = replace(table_of(Side.LEFT, name="chosen"), in_use=False, chosen=True)
    main = table_of(Side.LEFT, Route(TO_RIGHT, "pcx-1"))
    found = replace(routed(ours(), through="pcx-1"))
    found = replace(found, tables={**found.tables, Side.LEFT: (main, chosen)})
    steps = [(step.action, step.arguments["route_table_id"]) for step in plan(new_link(), found, dns=True)]
    assert steps == [("create_route", chosen.id), ("delete_route", main.id)]


def test_a_table_that_nothing_uses_is_not_served_and_a_good_route_in_it_may_stay() -> None:
    def unused(*routes: Route) -> RouteTable:
        return replace(table_of(Side.LEFT, *routes, name="unused"), in_use=False)

    found = routed(ours(), through="pcx-1")
    for spare in (unused(), unused(Route(TO_RIGHT, "pcx-1"))):
        with_spare = replace(found, tables={**found.tables, Side.LEFT: (*found.tables[Side.LEFT], spare)})
        assert plan(new_link(), with_spare, dns=True) == []


def test_every_route_in_the_way_is_named() -> None:
    found = seen(left=(Route(TO_RIGHT, "tgw-1"),), right=(Route(TO_LEFT, "igw-1"),))
    with pytest.raises(Conflict, match=r"rtb-left-main .* tgw-1; rtb-right-main .* igw-1") as conflict:
        plan(new_link(), found, dns=True)
    assert conflict.value.code == "route_conflict"
    told = conflict.value.told
    assert told.keys() == {"left", "right"}
    assert "tgw-1" in told["left"]
    assert "igw-1" not in told["left"]
    assert "tgw-1" not in told["right"]


def test_a_blackhole_is_replaced_because_it_leads_nowhere() -> None:
    found = replace(routed(ours(), through="pcx-1"))
    dead = (table_of(Side.LEFT, Route(TO_RIGHT, "nat-gone", blackhole=True)),)
    assert words(new_link(), replace(found, tables={**found.tables, Side.LEFT: dead})) == [
        "replace_route left"
    ]


def test_of_several_peerings_of_ours_the_best_stays_and_routes_move_before_the_rest_goes() -> None:
    found = routed(ours("pcx-2"), ours("pcx-1", "pending-acceptance"), through="pcx-1")
    steps = [(step.action, step.arguments["peering_id"]) for step in plan(new_link(), found, dns=True)]
    assert steps == [("replace_route", "pcx-2"), ("replace_route", "pcx-2"), ("delete_peering", "pcx-1")]


@pytest.mark.parametrize(
    ("peering", "code"),
    [
        (foreign(), "peering_exists"),
        (foreign(status="pending-acceptance"), "peering_exists"),
        (foreign(owner=str(UUID(int=8))), "peering_of_another_connection"),
    ],
)
def test_a_live_peering_of_others_is_a_conflict_that_names_it(peering: Peering, code: str) -> None:
    with pytest.raises(Conflict, match="pcx-hand") as conflict:
        plan(new_link(), seen(peering), dns=True)
    assert conflict.value.code == code


def test_the_peering_of_another_connection_cannot_be_adopted() -> None:
    with pytest.raises(Conflict, match=str(UUID(int=8))):
        plan(new_link(adopt=True), seen(foreign(owner=str(UUID(int=8)))), dns=True)


def test_an_active_peering_of_somebody_else_beats_our_request() -> None:
    with pytest.raises(Conflict, match="pcx-hand"):
        plan(new_link(), seen(ours(status="pending-acceptance"), foreign()), dns=True)


def test_an_adopted_peering_keeps_its_tags_and_options() -> None:
    assert words(new_link(adopt=True), seen(foreign(status="pending-acceptance"))) == [
        "remember_routes left",
        "accept_peering left",
        "await_peering left",
        "create_route left",
        "create_route right",
    ]


def test_removing_an_adoption_takes_only_the_routes_that_it_brought() -> None:
    link = new_link(
        adopt=True,
        desired=DesiredState.DELETED,
        details={
            "added_routes": f"rtb-left-main {TO_RIGHT} pcx-hand",
        },
    )
    assert words(link, routed(foreign(), through="pcx-hand")) == ["delete_route left"]


def test_routes_of_the_connections_other_path_are_taken_over_and_none_of_them_removed() -> None:
    """A change of ctype makes before it breaks, in either direction; to others' routes nothing is done."""
    found = routed(ours(), through="tgw-1")
    with pytest.raises(Conflict, match="tgw-1"):
        plan(new_link(), found, dns=True)
    left = f"rtb-left-main {TO_RIGHT} tgw-1"
    changing = replace(new_link(), others={OTHER: {"added_routes": left}})
    with pytest.raises(Conflict, match=f"rtb-right-main sends {TO_LEFT} to tgw-1") as conflict:
        plan(changing, found, dns=True)
    assert "rtb-left-main" not in conflict.value.reason
    both = {"added_routes": f"{left},rtb-right-main {TO_LEFT} tgw-1"}
    assert words(replace(changing, others={OTHER: both}), found) == [
        "replace_route left",
        "replace_route right",
    ]
    leaving = replace(changing, others={OTHER: both}, desired=DesiredState.DELETED)
    assert words(leaving, found) == ["delete_peering left"]


@pytest.mark.parametrize("status", ["failed", "rejected"])
def test_a_peering_that_this_generation_could_not_have_is_not_asked_for_again(status: str) -> None:
    kind = PathRefused if status == "failed" else Permanent
    with pytest.raises(kind, match="in AWS's words"):
        plan(new_link(), seen(ours(status=status)), dns=True)


@pytest.mark.parametrize(
    "dead",
    [ours(status="failed", generation="1"), ours(status="expired"), ours(status="deleted")],
    ids=lambda dead: dead.status,
)
def test_a_dead_peering_does_not_stop_a_new_one(dead: Peering) -> None:
    assert words(new_link(), seen(dead))[0] == "create_peering left"


def test_a_network_without_route_tables_is_gone() -> None:
    with pytest.raises(Permanent, match="vpc-right") as gone:
        plan(new_link(), SeenPeering(tables={Side.LEFT: EMPTY.tables[Side.LEFT], Side.RIGHT: ()}), dns=True)
    assert gone.value.code == "vpc_not_found"


def test_a_removal_works_when_peering_and_network_are_gone() -> None:
    assert words(new_link(desired=DesiredState.DELETED), SeenPeering()) == []


def test_a_peering_whose_tags_were_taken_off_is_still_ours_by_memory() -> None:
    stripped = replace(foreign(), requester=Side.LEFT)
    link = new_link(details={"created_peering_id": "pcx-hand"})
    steps = words(link, routed(stripped, through="pcx-hand"), dns=False)
    assert steps == ["tag_peering left", "tag_peering right"]
