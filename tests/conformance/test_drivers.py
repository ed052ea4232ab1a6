"""The suite that every driver passes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from onenet_common.errors import Conflict, Throttled

from .aws_scene import AwsSceneInOnePlace, AwsSceneWithFlowLogs
from .memory_scene import MemoryScene
from .networks import network, provider
from .run import Stuttering, deleted, drive
from .scene import NewScene, Scene

SCENES: dict[str, type[Scene]] = {
    "memory": MemoryScene,
    "AWS in one account and region": AwsSceneInOnePlace,
    "AWS across accounts and regions, with flow logs": AwsSceneWithFlowLogs,
}
"""The last one takes every step that AWS_PEERING has, the one before none that is a matter of choice."""
ADOPTION_STEPS = 5
"""More than an adoption has in any scene: to remember, and the routes that are missing."""

NOTHING: Counter[str] = Counter(path=0, route=0)

every_kind = pytest.mark.parametrize("kind", SCENES)
every_drift = pytest.mark.parametrize(
    ("kind", "drift"), [(kind, drift) for kind, scene in SCENES.items() for drift in scene.drifts]
)
every_build = pytest.mark.parametrize(
    ("kind", "call"), [(kind, call) for kind, scene in SCENES.items() for call in scene.builds]
)
every_throttle = pytest.mark.parametrize(
    ("kind", "call"), [(kind, call) for kind, scene in SCENES.items() for call in scene.throttles]
)
every_removal = pytest.mark.parametrize(
    ("kind", "call"), [(kind, call) for kind, scene in SCENES.items() for call in scene.removes]
)


@every_kind
async def test_establishes_what_was_asked_and_touches_nothing_else(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    others = scene.others()
    run = await drive(scene.driver(), scene.link)
    assert scene.objects() == scene.complete()
    assert scene.others() == others
    assert run.seen.details["peering_id"]
    assert not run.seen.adopted
    assert not run.errors


@every_kind
async def test_an_established_link_has_nothing_left_to_do(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    await drive(scene.driver(), scene.link)
    again = await drive(scene.driver(), scene.link)
    assert again.done == []


@every_kind
@pytest.mark.parametrize("remembering", [True, False], ids=["remembered", "forgotten"])
async def test_a_crash_after_any_step_is_continued_without_duplicates(
    kind: str, remembering: bool, new_scene: NewScene
) -> None:
    steps = len((await drive((scene := await new_scene(kind)).driver(), scene.link)).done)
    for survived in range(steps):
        scene = await new_scene(kind)
        crashed = await drive(scene.driver(), scene.link, crash_after=survived)
        await drive(scene.driver(), crashed.link if remembering else scene.link)
        assert scene.objects() == scene.complete(), f"after {survived} steps"


@every_kind
@pytest.mark.parametrize("remembering", [True, False], ids=["remembered", "forgotten"])
async def test_whatever_is_half_built_can_be_removed(
    kind: str, remembering: bool, new_scene: NewScene
) -> None:
    steps = len((await drive((scene := await new_scene(kind)).driver(), scene.link)).done)
    for survived in range(steps + 1):
        scene = await new_scene(kind)
        others = scene.others()
        crashed = await drive(scene.driver(), scene.link, crash_after=survived)
        await drive(scene.driver(), deleted(crashed.link if remembering else scene.link))
        assert scene.objects() == NOTHING, f"after {survived} steps"
        assert scene.others() == others, f"after {survived} steps"


@every_kind
async def test_a_crash_after_any_step_of_a_removal_is_continued(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    built = await drive(scene.driver(), scene.link)
    steps = len((await drive(scene.driver(), deleted(built.link))).done)
    for survived in range(steps):
        scene = await new_scene(kind)
        built = await drive(scene.driver(), scene.link)
        await drive(scene.driver(), deleted(built.link), crash_after=survived)
        await drive(scene.driver(), deleted(built.link))
        assert scene.objects() == NOTHING, f"after {survived} steps"


@every_kind
async def test_the_removal_of_what_never_was_touches_nothing(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    for somebody_joined_them in (False, True):
        if somebody_joined_them:
            scene.join_by_hand()
        others = scene.others()
        assert (await drive(scene.driver(), deleted(scene.link))).done == []
        assert scene.others() == others


@every_kind
async def test_a_removal_can_be_repeated(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    built = await drive(scene.driver(), scene.link)
    await drive(scene.driver(), deleted(built.link))
    again = await drive(scene.driver(), deleted(built.link))
    assert again.done == []


@every_kind
async def test_every_step_may_be_applied_twice(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    built = await drive(Stuttering(scene.driver()), scene.link)
    assert scene.objects() == scene.complete()
    removed = await drive(Stuttering(scene.driver()), deleted(built.link))
    assert scene.objects() == NOTHING
    assert built.errors + removed.errors == []


@every_drift
async def test_a_drift_of_any_object_is_seen_and_repaired(kind: str, drift: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    others = scene.others()
    built = await drive(scene.driver(), scene.link)
    scene.drift(drift)
    repaired = await drive(scene.driver(), built.link)
    assert repaired.done
    assert scene.objects() == scene.complete()
    assert scene.others() == others


@every_kind
async def test_changed_blocks_change_the_routes(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    built = await drive(scene.driver(), scene.link)
    left = scene.link.wish.left
    of = provider(left.account, left.region)
    grown = network(of, left.native_id, str(left.subnet), "10.5.0.0/16", "10.6.0.0/16")
    wish = scene.link.wish.model_copy(update={"left": grown, "generation": 2})
    run = await drive(scene.driver(), replace(built.link, wish=wish, generation=2))
    assert sorted(step.action for step in run.done) == ["create_route", "create_route", "delete_route"]
    assert scene.objects() == scene.complete() + Counter(route=1)


@every_kind
async def test_a_path_of_somebody_else_is_refused(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    path = scene.join_by_hand()
    others = scene.others()
    with pytest.raises(Conflict, match=path):
        await drive(scene.driver(), scene.link)
    assert scene.objects() == NOTHING
    assert scene.others() == others


@every_kind
async def test_an_adopted_path_is_used_and_outlives_the_connection(kind: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    path = scene.join_by_hand()
    others = scene.others()
    link = replace(scene.link, wish=scene.link.wish.model_copy(update={"adopt": True}))
    built = await drive(scene.driver(), link)
    assert built.seen.adopted
    assert built.seen.details["peering_id"] == path
    assert "create_route" in {step.action for step in built.done}
    await drive(scene.driver(), deleted(built.link))
    assert scene.others() == others
    assert scene.objects() == NOTHING


@every_kind
async def test_a_half_made_adoption_takes_away_no_more_than_it_brought(
    kind: str, new_scene: NewScene
) -> None:
    for survived in range(ADOPTION_STEPS):
        scene = await new_scene(kind)
        scene.join_by_hand()
        others = scene.others()
        link = replace(scene.link, wish=scene.link.wish.model_copy(update={"adopt": True}))
        crashed = await drive(scene.driver(), link, crash_after=survived)
        await drive(scene.driver(), deleted(crashed.link))
        assert scene.others() == others, f"after {survived} steps"


@every_kind
async def test_a_route_of_somebody_else_is_reported_and_never_overwritten(
    kind: str, new_scene: NewScene
) -> None:
    scene = await new_scene(kind)
    target = scene.obstruct()
    others = scene.others()
    with pytest.raises(Conflict, match=target) as conflict:
        await drive(scene.driver(), scene.link)
    assert conflict.value.code == "route_conflict"
    assert scene.objects() == NOTHING
    assert scene.others() == others


@every_throttle
async def test_a_throttled_call_is_made_again(kind: str, call: str, new_scene: NewScene) -> None:
    scene = await new_scene(kind)
    scene.throttle(call)
    run = await drive(scene.driver(), scene.link)
    assert [type(error) for error in run.errors] == [Throttled]
    assert scene.objects() == scene.complete()


@every_build
async def test_an_answer_lost_while_building_makes_no_second_object(
    kind: str, call: str, new_scene: NewScene
) -> None:
    scene = await new_scene(kind)
    scene.lose_answer(call)
    run = await drive(scene.driver(), scene.link)
    assert len(run.errors) == 1
    assert scene.objects() == scene.complete()


@every_removal
async def test_an_answer_lost_while_removing_leaves_nothing(
    kind: str, call: str, new_scene: NewScene
) -> None:
    scene = await new_scene(kind)
    built = await drive(scene.driver(), scene.link)
    scene.lose_answer(call)
    run = await drive(scene.driver(), deleted(built.link))
    assert len(run.errors) == 1
    assert scene.objects() == NOTHING
