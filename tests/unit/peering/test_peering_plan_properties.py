"""Plans of a peering, against every world that two accounts can be in."""

from __future__ import annotations

from hypothesis import assume, given

from onenet_common.connection import Step
from onenet_common.errors import Permanent
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.aws.peering_claim import claim

from .world import World, settle, worlds


@given(worlds(DesiredState.ESTABLISHED))
def test_applying_a_plan_always_leads_to_an_empty_one(world: World) -> None:
    try:
        world.plan()
    except Permanent:
        assume(False)
    done = settle(world)
    used = claim(done.link, done.seen.peerings).peering
    assert used is not None
    assert used.status == "active"


@given(worlds(DesiredState.ESTABLISHED))
def test_establishing_leaves_the_objects_of_others_alone(world: World) -> None:
    try:
        world.plan()
    except Permanent:
        assume(False)
    done = settle(world)
    there = {one.id: one for one in done.seen.peerings}
    for id_, peering in world.others_peerings().items():
        assert there[id_].ends == peering.ends
        assert there[id_].live == peering.live
    left = {(table.id, route.destination, route.target) for table, route in done.routes()}
    assert world.others_routes(with_blackholes=False) <= left


@given(worlds(DesiredState.DELETED))
def test_a_removal_always_ends_and_takes_exactly_what_is_ours(world: World) -> None:
    made = claim(world.link, world.seen.peerings).made
    done = settle(world)
    left = {(table.id, route.destination, route.target) for table, route in done.routes()}
    assert left == world.others_routes(with_blackholes=True)
    there = {one.id: one for one in done.seen.peerings}
    assert {id_: there[id_] for id_ in world.others_peerings()} == world.others_peerings()
    assert not any(one.live for one in done.seen.peerings if one.id in made)


@given(worlds(DesiredState.ESTABLISHED))
def test_a_plan_that_can_be_shown_needs_nothing_but_the_link(world: World) -> None:
    try:
        steps = world.plan()
    except Permanent:
        assume(False)
    assert [Step.model_validate_json(step.model_dump_json()) for step in steps] == steps
