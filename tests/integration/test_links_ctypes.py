"""A change of ctype: the new path is made before the old one is taken down, and neither is left behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from onenet_common.connection import CType
from onenet_common.errors import Conflict, Permanent, Throttled
from onenet_common.events import ConnectionEvaluated
from onenet_provisioner.drivers.driver import Wait
from onenet_provisioner.drivers.memory import Hop
from onenet_provisioner.reconciler import Reconciler
from tests.integration.link_scene import WATCH_INTERVAL, LinkScene, TroubledDriver
from tests.samples import LEFT, deletion_requested, evaluated, wish

TUNNEL = "TEST_TUNNEL"
WISH = wish()


@pytest.fixture
def tunnel() -> Iterator[CType]:
    """A second ctype, as a later release brings it."""
    member = str.__new__(CType, TUNNEL)
    member._name_ = member._value_ = TUNNEL
    CType._value2member_map_[TUNNEL] = member
    yield member
    del CType._value2member_map_[TUNNEL]


class TwoWays(LinkScene):
    """Links that can be built in two ways, each over a cloud of its own; ``order`` has both one's calls."""

    def __init__(self, url: str, tunnel: CType) -> None:
        super().__init__(url)
        self.tunnel = tunnel
        self.other = TroubledDriver()
        self.order = self.driver.calls = self.other.calls
        self.reconciler = Reconciler(
            self.store,
            {CType.AWS_PEERING: self.driver, tunnel: self.other},
            watch_interval=WATCH_INTERVAL,
            wake_after=lambda _: None,
            changed=self.changed.update,
        )

    async def turn(self, generation: int, ctype: CType | None = None) -> None:
        """A generation of the wish is evaluated, by default as the tunnel."""
        message = evaluated(wish(generation, id=WISH.id))
        assert isinstance(message.event, ConnectionEvaluated)
        event = message.event.model_copy(update={"ctype": ctype or self.tunnel})
        await self.want(replace(message, event=event))

    async def said(self) -> list[tuple[str, dict[str, Any]]]:
        """What was published but samples, which is forgotten: verbs, and the bodies as they are.

        The catalogue of events knows of no tunnel.
        """
        async with self.database.acquire() as connection:
            rows = await connection.fetch("DELETE FROM outbox RETURNING id, headers, value")
        told = [
            (json.loads(row["headers"]) if isinstance(row["headers"], str) else row["headers"], row["value"])
            for row in sorted(rows, key=lambda row: row["id"])
        ]
        verbs = [(headers["ce_type"].split(".")[2], json.loads(value)) for headers, value in told]
        return [(verb, body) for verb, body in verbs if verb != "sampled"]

    async def standing(self) -> tuple[str, str, list[Any]]:
        link = await self.link()
        others = link["others"]
        assert isinstance(others, list)
        return str(link["ctype"]), str(link["phase"]), others


@pytest.fixture
async def links(postgres_url: str, tunnel: CType) -> AsyncIterator[TwoWays]:
    """A peering stands."""
    scene = TwoWays(postgres_url, tunnel)
    await scene.database.start()
    await scene.want(evaluated(WISH))
    await scene.settle()
    await scene.said()
    scene.order.clear()
    yield scene
    await scene.database.stop()


BUILT, NOTHING = (1, 2), (0, 0)


async def test_the_former_path_is_removed_once_the_new_one_stands(links: TwoWays) -> None:
    await links.turn(2)
    await links.step()
    assert [verb for verb, _ in await links.said()] == ["established"]
    assert (links.driver.everything(), links.other.everything()) == (BUILT, BUILT)
    await links.settle()
    assert (links.driver.everything(), links.other.everything()) == (NOTHING, BUILT)
    assert links.order.index("delete_path") > links.order.index("create_path")
    assert await links.standing() == (TUNNEL, "WATCHED", [])
    assert await links.said() == []


async def test_a_new_path_that_fails_leaves_the_former_one_as_it_was(links: TwoWays) -> None:
    links.other.troubles["create_route"].append(Conflict("in the way", code="route_conflict"))
    await links.turn(2)
    await links.settle()
    [(verb, failed)] = await links.said()
    assert (verb, failed["reverted"], failed["ctype"], failed["stands"]) == (
        "failed",
        True,
        TUNNEL,
        "AWS_PEERING",
    )
    assert (links.driver.everything(), links.other.everything()) == (BUILT, NOTHING)
    assert await links.standing() == ("AWS_PEERING", "WATCHED", [])
    await links.want(deletion_requested(wish(3, id=WISH.id)))
    await links.settle()
    assert links.driver.everything() == NOTHING


async def test_what_a_new_path_took_from_the_former_one_is_given_back_when_it_fails(links: TwoWays) -> None:
    links.other.troubles["create_route"].append(Conflict("in the way", code="route_conflict"))
    await links.turn(2)
    hops = links.driver.cloud.hops[LEFT.native_id]
    hops.clear()
    await links.settle()
    assert links.driver.everything() == BUILT
    assert [verb for verb, _ in await links.said()] == ["failed"]


@pytest.mark.parametrize(
    "trouble", [Permanent("may not", code="denied"), Throttled("slow down"), Wait(5, "w")]
)
async def test_a_former_path_that_cannot_be_removed_yet_is_no_trouble_of_the_new_one(
    links: TwoWays, trouble: Permanent | Throttled | Wait
) -> None:
    links.driver.troubles["delete_path"].append(trouble)
    await links.turn(2)
    await links.settle()
    ctype, phase, others = await links.standing()
    assert (ctype, phase, [one["ctype"] for one in others]) == (TUNNEL, "WATCHED", ["AWS_PEERING"])
    assert [verb for verb, _ in await links.said()] == ["established"]
    await links.hurry()
    assert (links.driver.everything(), links.other.everything()) == (NOTHING, BUILT)
    assert await links.standing() == (TUNNEL, "WATCHED", [])


async def test_a_deletion_in_the_middle_of_a_change_removes_both(links: TwoWays) -> None:
    links.other.troubles["create_route"].append(Wait(60, "wait"))
    await links.turn(2)
    await links.step()
    assert links.other.everything() != NOTHING
    await links.want(deletion_requested(wish(3, id=WISH.id)))
    await links.settle()
    assert (links.driver.everything(), links.other.everything()) == (NOTHING, NOTHING)
    assert [verb for verb, _ in await links.said()] == ["deleted"]
    assert (await links.standing())[2] == []


async def test_a_change_back_in_the_middle_of_a_change_removes_what_was_begun(links: TwoWays) -> None:
    links.other.troubles["create_route"].append(Wait(60, "wait"))
    await links.turn(2)
    await links.step()
    await links.turn(3, CType.AWS_PEERING)
    await links.settle()
    assert (links.driver.everything(), links.other.everything()) == (BUILT, NOTHING)
    assert await links.standing() == ("AWS_PEERING", "WATCHED", [])
    assert "delete_path" not in links.order[: links.order.index("create_path")]


async def test_the_former_path_is_remembered_by_whoever_goes_on(links: TwoWays) -> None:
    await links.turn(2)
    await links.step()
    await links.claimed()
    await links.oversleep()
    await links.settle()
    assert (links.driver.everything(), links.other.everything()) == (NOTHING, BUILT)


async def test_hops_of_others_stay_when_a_former_path_goes(links: TwoWays) -> None:
    foreign = Hop("igw-1", "somebody else")
    links.driver.cloud.hops[LEFT.native_id][LEFT.subnet] = foreign
    await links.turn(2)
    await links.settle()
    assert links.driver.cloud.hops[LEFT.native_id] == {LEFT.subnet: foreign}
