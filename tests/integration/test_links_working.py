"""A link's way from a wish to what is wanted and back, told event by event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from onenet_common.connection import CType
from onenet_common.errors import Conflict, PathRefused, Throttled, Transient
from onenet_common.events import ConnectionDelayed, ConnectionFailed, ConnectionPathRefused, ConnectionPlanned
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.driver import Wait
from onenet_provisioner.drivers.memory import Hop
from tests.integration.link_scene import LinkScene
from tests.samples import LEFT, RIGHT, deletion_requested, evaluated, network, provider, wish

WISH = wish()
WIDER = network("vpc-right", "10.2.0.0/16", "10.7.0.0/16", of=provider("222222222222", "eu-north-1"))
CONFLICT = Conflict("somebody else's route is in the way", code="route_conflict")
QUOTA = PathRefused("no peerings left", code="quota_reached")


@pytest.fixture
async def links(postgres_url: str) -> AsyncIterator[LinkScene]:
    scene = LinkScene(postgres_url)
    await scene.database.start()
    yield scene
    await scene.database.stop()


@pytest.fixture
async def established(links: LinkScene) -> LinkScene:
    await links.want(evaluated(WISH))
    await links.settle()
    await links.forget_published()
    return links


async def test_a_wish_is_built_told_and_watched(links: LinkScene) -> None:
    await links.want(evaluated(WISH))
    await links.settle()
    assert await links.told() == ["established", "UP"]
    assert links.driver.everything() == (1, 2)
    assert links.changed == {LEFT.provider, RIGHT.provider}
    link = await links.link()
    assert (link["phase"], link["due"], link["leased"]) == ("WATCHED", False, None)


async def test_a_wish_that_comes_twice_is_built_once(links: LinkScene) -> None:
    await links.want(evaluated(WISH), evaluated(WISH))
    await links.want(evaluated(WISH))
    await links.settle()
    assert await links.told() == ["established", "UP"]


async def test_drift_is_told_and_repaired(established: LinkScene) -> None:
    established.driver.cloud.hops[LEFT.native_id].clear()
    await established.hurry()
    assert await established.told() == ["drifted", "DOWN", "repaired", "UP"]
    assert established.driver.everything() == (1, 2)


async def test_a_look_that_finds_all_as_desired_is_a_sample(established: LinkScene) -> None:
    await established.hurry()
    assert await established.told() == ["UP"]


async def test_drift_is_told_once_though_its_repair_needs_several_tries(established: LinkScene) -> None:
    established.driver.cloud.hops[LEFT.native_id].clear()
    established.driver.troubles["create_route"] += [Throttled("slow down"), Throttled("slow down")]
    for _ in range(3):
        await established.hurry()
    assert (await established.told())[:4] == ["drifted", "DOWN", "repaired", "UP"]


async def test_a_drift_that_cannot_be_repaired_keeps_the_link_under_watch(established: LinkScene) -> None:
    established.driver.cloud.hops[LEFT.native_id] = {RIGHT.subnet: Hop("elsewhere", "somebody")}
    for _ in range(2):
        await established.hurry()
    assert await established.told() == ["DOWN", "DOWN"]
    established.driver.cloud.hops[LEFT.native_id].clear()
    await established.hurry()
    assert (await established.told())[2:] == ["drifted", "DOWN", "repaired", "UP"]


async def test_what_is_refused_for_good_is_undone_and_has_failed(links: LinkScene) -> None:
    links.driver.troubles["create_route"].append(CONFLICT)
    await links.want(evaluated(WISH))
    await links.settle()
    [failed] = await links.published()
    assert isinstance(failed, ConnectionFailed)
    assert (failed.code, failed.reason, failed.reverted) == ("route_conflict", CONFLICT.reason, False)
    assert links.driver.everything() == (0, 0)
    assert (await links.link())["due_at"] is None


async def test_a_question_about_what_failed_is_answered_and_builds_nothing(links: LinkScene) -> None:
    links.driver.troubles["create_route"].append(CONFLICT)
    await links.want(evaluated(WISH))
    await links.settle()
    await links.want(evaluated(WISH))
    await links.settle()
    first, second = await links.published()
    assert first == second
    assert links.driver.everything() == (0, 0)


async def test_a_path_that_the_provider_refuses_goes_back_to_the_evaluator(links: LinkScene) -> None:
    links.driver.troubles["create_route"].append(QUOTA)
    await links.want(evaluated(WISH))
    await links.settle()
    [refused] = await links.published()
    assert isinstance(refused, ConnectionPathRefused)
    assert (refused.wish, refused.reason) == (WISH, "no peerings left")
    assert links.driver.everything() == (0, 0)


async def test_a_change_that_fails_restores_what_stood(established: LinkScene) -> None:
    established.driver.troubles["create_route"].append(CONFLICT)
    await established.want(evaluated(WISH.model_copy(update={"generation": 2, "right": WIDER})))
    await established.settle()
    [failed] = await established.published()
    assert isinstance(failed, ConnectionFailed)
    assert (failed.generation, failed.reverted) == (2, True)
    assert established.driver.everything() == (1, 2)

    await established.want(evaluated(WISH.model_copy(update={"generation": 2, "right": WIDER})))
    await established.settle()
    assert await established.told() == ["failed", "failed", "UP"]


async def test_a_change_is_built_on_what_stands(established: LinkScene) -> None:
    await established.want(evaluated(WISH.model_copy(update={"generation": 2, "right": WIDER})))
    await established.settle()
    assert await established.told() == ["established", "UP"]
    assert established.driver.everything() == (1, 3)


async def test_a_deletion_removes_everything_and_may_be_asked_again(established: LinkScene) -> None:
    for _ in range(2):
        await established.want(deletion_requested(WISH.model_copy(update={"generation": 2})))
        await established.settle()
    assert await established.told() == ["deleted", "deleted"]
    assert established.driver.everything() == (0, 0)


async def test_the_deletion_of_what_no_way_was_chosen_for_is_done_at_once(links: LinkScene) -> None:
    await links.want(deletion_requested(WISH))
    await links.settle()
    assert await links.told() == ["deleted"]
    assert links.driver.looks == 0


async def test_the_deletion_of_a_link_that_was_lost_finds_and_removes_what_it_had_built(
    established: LinkScene,
) -> None:
    await established.execute("DELETE FROM links")
    await established.want(deletion_requested(WISH.model_copy(update={"generation": 2}), CType.AWS_PEERING))
    await established.settle()
    assert await established.told() == ["deleted"]
    assert established.driver.everything() == (0, 0)


async def test_the_deletion_of_an_unknown_link_leaves_what_others_built(links: LinkScene) -> None:
    await links.want(evaluated(WISH))
    await links.settle()
    await links.forget_published()
    built = links.driver.everything()
    other = wish(2, id=uuid4())
    await links.want(deletion_requested(other, CType.AWS_PEERING))
    await links.settle()
    assert await links.told() == ["deleted"]
    assert links.driver.everything() == built


async def test_a_lost_link_is_not_answered_for_while_its_provider_cannot_be_asked(
    established: LinkScene,
) -> None:
    await established.execute("DELETE FROM links")
    established.driver.troubles["observe"].append(Transient("not known here yet", code="provider_unknown"))
    await established.want(deletion_requested(WISH.model_copy(update={"generation": 2}), CType.AWS_PEERING))
    await established.step()
    assert await established.told() == []
    await established.hurry()
    assert await established.told() == ["deleted"]
    assert established.driver.everything() == (0, 0)


async def test_a_late_wish_does_not_resurrect_what_is_deleted(established: LinkScene) -> None:
    await established.want(deletion_requested(WISH.model_copy(update={"generation": 2})))
    await established.settle()
    await established.want(evaluated(WISH))
    assert await established.step() == 0
    assert established.driver.everything() == (0, 0)


async def test_errors_that_may_pass_are_told_at_the_third_and_survived(links: LinkScene) -> None:
    links.driver.troubles["create_path"] += [Throttled("slow"), Transient("lost"), Throttled("slower")]
    await links.want(evaluated(WISH))
    await links.settle()
    for _ in range(3):
        await links.hurry()
    assert (await links.told())[:3] == ["delayed", "established", "UP"]
    delayed = (await links.published())[0]
    assert isinstance(delayed, ConnectionDelayed)
    assert (delayed.code, delayed.reason) == ("throttled", "slower")


async def test_an_error_that_nobody_foresaw_is_tried_again(links: LinkScene) -> None:
    links.driver.troubles["create_path"].append(KeyError("VpcPeeringConnection"))
    await links.want(evaluated(WISH))
    await links.settle()
    await links.hurry()
    assert (await links.told())[:2] == ["established", "UP"]


async def test_at_its_deadline_a_link_is_given_up(links: LinkScene) -> None:
    links.driver.troubles["create_path"] += [Throttled("slow"), Throttled("slow")]
    await links.want(evaluated(WISH))
    await links.step()
    await links.execute("UPDATE links SET deadline_at = now()")
    await links.hurry()
    [failed] = await links.published()
    assert isinstance(failed, ConnectionFailed)
    assert failed.code == "deadline"


async def test_waiting_holds_no_slot_and_forgets_nothing(links: LinkScene) -> None:
    links.driver.remembers["create_path"] = {"made": "path-1"}
    links.driver.troubles["create_route"].append(Wait(30, "the provider needs time"))
    await links.want(evaluated(WISH))
    await links.settle()
    link = await links.link()
    assert (link["due"], link["leased"], link["reason"]) == (False, None, "the provider needs time")
    assert link["details"] == {"made": "path-1"}
    await links.hurry()
    assert (await links.told())[:2] == ["established", "UP"]


async def test_what_was_to_be_remembered_outlives_an_error_right_after_it(links: LinkScene) -> None:
    links.driver.remembers["create_path"] = {"made": "path-1"}
    links.driver.troubles["create_route"].append(Throttled("slow"))
    await links.want(evaluated(WISH))
    await links.step()
    assert (await links.link())["details"] == {"made": "path-1"}


async def test_a_dry_run_shows_the_plan_and_builds_nothing(links: LinkScene) -> None:
    await links.want(evaluated(WISH.model_copy(update={"desired_state": DesiredState.PLANNED})))
    await links.settle()
    [planned] = await links.published()
    assert isinstance(planned, ConnectionPlanned)
    assert [step.action for step in planned.steps] == ["create_path", "create_route", "create_route"]
    assert links.driver.everything() == (0, 0)


async def test_asking_for_what_stands_announces_it_again(established: LinkScene) -> None:
    await established.want(evaluated(WISH))
    await established.settle()
    assert await established.told() == ["established", "UP"]


async def test_errors_between_which_steps_took_effect_are_not_in_a_row(links: LinkScene) -> None:
    links.driver.troubles["create_path"] += [Throttled("slow"), Throttled("slow")]
    links.driver.troubles["create_route"] += [Throttled("slow")]
    await links.want(evaluated(WISH))
    for attempts in (1, 2, 1):
        await links.step()
        assert (await links.link())["attempts"] == attempts
        await links.execute("UPDATE links SET due_at = now()")
    await links.settle()
    assert await links.told() == ["established", "UP"], "progress was told as delay"
