"""Several workers, crashes and changes of mind: nobody works on a link that is another's, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from onenet_common.envelope import Message
from onenet_common.errors import Throttled
from onenet_provisioner.dispatcher import Dispatcher
from onenet_provisioner.drivers.driver import Observed
from onenet_provisioner.leases import SECONDS as LEASE_SECONDS
from onenet_provisioner.links import Work
from onenet_provisioner.outcomes import established as become_established
from tests.integration.link_scene import Gate, LinkScene
from tests.integration.waiting import eventually
from tests.samples import deletion_requested, evaluated, network, provider, wish

WISH = wish()
EXPIRE = "UPDATE links SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL"


@pytest.fixture
async def links(postgres_url: str) -> AsyncIterator[LinkScene]:
    scene = LinkScene(postgres_url)
    await scene.database.start()
    yield scene
    await scene.database.stop()


def many(count: int) -> list[Message]:
    """Wishes for pairs of networks that have nothing in common."""
    return [
        evaluated(
            wish(
                left=network(f"left-{number}", f"10.{number}.0.0/16"),
                right=network(f"right-{number}", f"11.{number}.0.0/16", of=provider("222222222222")),
            )
        )
        for number in range(count)
    ]


@asynccontextmanager
async def working(links: LinkScene, *, concurrency: int = 8) -> AsyncIterator[Dispatcher[Work]]:
    dispatcher: Dispatcher[Work] = Dispatcher(
        "link", links.store, links.reconciler.reconcile, concurrency=concurrency, poll=0.05, heartbeat=0.05
    )
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


async def test_claims_at_the_same_time_never_share_a_link(links: LinkScene) -> None:
    await links.want(*many(40))
    claims = await asyncio.gather(*(links.store.claim(7) for _ in range(6)))
    ids = [work.connection_id for claim in claims for work in claim]
    assert len(ids) == len(set(ids)) == 40
    assert all(len(claim) <= 7 for claim in claims)
    assert await links.store.claim(100) == []


async def test_a_claim_passes_over_what_somebody_else_is_just_taking(links: LinkScene) -> None:
    await links.want(*many(3))
    async with links.database.transaction() as connection:
        taken = await connection.fetchval("SELECT connection_id FROM links LIMIT 1 FOR UPDATE")
        async with asyncio.timeout(5):
            claimed = await links.store.claim(10)
    assert len(claimed) == 2
    assert taken not in {work.connection_id for work in claimed}


async def test_two_workers_build_every_link_once(links: LinkScene) -> None:
    async def told() -> list[str]:
        return await links.told()

    await links.want(*many(30))
    async with working(links), working(links):
        await eventually(told, lambda events: events.count("established") >= 30)
    assert (await links.told()).count("established") == 30
    assert links.driver.calls.count("create_path") == 30
    assert links.driver.everything() == (30, 60)


async def test_a_link_of_a_killed_worker_is_taken_over_when_its_lease_ends(links: LinkScene) -> None:
    await links.want(evaluated(WISH))
    killed = await links.claimed()
    assert await links.step() == 0
    await links.execute(EXPIRE)
    assert await links.step() == 1
    assert await links.told() == ["established", "UP"]

    change = become_established(killed, Observed())
    assert not await links.store.save(change.work, None, [Message.of(event) for event in change.events])
    assert not await links.store.remember(killed, {"made": "path-of-the-dead"})
    assert await links.told() == ["established", "UP"]


async def test_renewing_keeps_a_lease_and_brings_none_back(links: LinkScene) -> None:
    await links.want(evaluated(WISH))
    held = await links.claimed()
    await links.execute(EXPIRE)
    await links.store.renew([held])
    assert (await links.link())["leased"]
    await links.execute(EXPIRE)
    taken_over = await links.claimed()
    await links.execute(EXPIRE)
    await links.store.renew([held])
    assert not (await links.link())["leased"]
    assert taken_over.lease != held.lease


async def test_a_working_dispatcher_renews_what_it_holds(links: LinkScene) -> None:
    gate = links.driver.gates["create_path"] = Gate()

    async def seconds_left() -> float:
        async with links.database.acquire() as connection:
            left = await connection.fetchval("SELECT extract(epoch FROM leased_until - now()) FROM links")
        return float(left)

    await links.want(evaluated(WISH))
    async with working(links):
        await gate.reached.wait()
        await links.execute("UPDATE links SET leased_until = now() + interval '1 hour'")
        await eventually(seconds_left, lambda seconds: seconds <= LEASE_SECONDS)
        gate.opened.set()
        await eventually(links.told, lambda events: "established" in events)


async def _built_and_removed_by_another(links: LinkScene) -> None:
    """While a worker oversleeps, another one builds its link, and takes it down again."""
    await links.oversleep()
    await links.settle()
    await links.want(deletion_requested(WISH.model_copy(update={"generation": 2})))
    await links.settle()
    assert links.driver.everything() == (0, 0)


async def test_a_worker_that_overslept_its_lease_sends_no_call(links: LinkScene) -> None:
    gate = links.driver.gates["create_path"] = Gate()
    await links.want(evaluated(WISH))
    asleep = asyncio.create_task(links.step())
    await gate.reached.wait()
    await _built_and_removed_by_another(links)
    gate.opened.set()
    await asleep
    assert links.driver.everything() == (0, 0), "it built what another had taken down"


async def test_what_a_call_on_its_way_made_too_late_is_taken_down_again(links: LinkScene) -> None:
    gate = links.driver.late_gates["create_path"] = Gate()
    await links.want(evaluated(WISH))
    asleep = asyncio.create_task(links.step())
    await gate.reached.wait()
    await _built_and_removed_by_another(links)
    gate.opened.set()
    await asleep
    assert links.driver.everything() == (1, 0)
    await links.settle()
    assert links.driver.everything() == (0, 0), "what came too late stayed for ever"
    assert (await links.link())["phase"] == "ENDED"


async def test_a_worker_cut_off_from_the_database_lets_go_in_time(links: LinkScene) -> None:
    gate = links.driver.gates["create_route"] = Gate()
    await links.want(evaluated(WISH))
    cut_off = asyncio.create_task(links.step())
    await gate.reached.wait()
    links.asleep += LEASE_SECONDS
    gate.opened.set()
    await cut_off
    assert links.driver.everything() == (1, 1), "only the other side's route was under way before"
    await links.settle()
    assert links.driver.everything() == (1, 2)
    assert (await links.told()).count("established") == 1


async def test_a_newer_wish_waits_for_whoever_has_the_link_and_wins(links: LinkScene) -> None:
    gate = links.driver.gates["create_route"] = Gate()
    links.driver.remembers["create_route"] = {"added": "route-1"}
    await links.want(evaluated(WISH))
    working = asyncio.create_task(links.step())
    await gate.reached.wait()

    await links.want(deletion_requested(WISH.model_copy(update={"generation": 2})))
    assert await links.step() == 0, "two worked on one link"
    gate.opened.set()
    await working

    assert await links.told() == [], "the result of an older generation was told"
    assert (await links.link())["details"] == {"added": "route-1"}, "the newer one must know of it"
    await links.settle()
    assert await links.told() == ["deleted"]
    assert links.driver.everything() == (0, 0)


async def test_a_question_that_comes_while_a_link_is_looked_at_is_answered(links: LinkScene) -> None:
    await links.want(evaluated(WISH))
    await links.settle()
    await links.forget_published()
    await links.execute("UPDATE links SET due_at = now()")
    looked_at = await links.claimed()

    await links.want(evaluated(WISH))
    await links.reconciler.reconcile(looked_at)
    await links.settle()

    assert await links.told() == ["UP", "established", "UP"]


async def test_of_two_first_wishes_the_newer_one_wins_whoever_is_last(links: LinkScene) -> None:
    older = evaluated(WISH)
    async with links.database.transaction() as connection:
        await links.store.want([deletion_requested(WISH.model_copy(update={"generation": 2}))], connection)
        late = asyncio.create_task(links.want(older))
        await eventually(lambda: _waiting(links))
    await late
    assert (await links.link())["generation"] == 2


async def _waiting(links: LinkScene) -> bool:
    """Whether somebody waits for a lock of the transaction that is open."""
    async with links.database.acquire() as connection:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 "
                "AND wait_event_type = 'Lock'",
                f"onenet-{links.database.schema}",
            )
        )


async def test_stopping_finishes_what_is_in_hand(links: LinkScene) -> None:
    gate = links.driver.gates["create_path"] = Gate()
    await links.want(evaluated(WISH))
    async with working(links):
        await gate.reached.wait()
        asyncio.get_running_loop().call_later(0.1, gate.opened.set)
    assert (await links.told())[:2] == ["established", "UP"]


async def test_stopping_releases_what_does_not_end(links: LinkScene) -> None:
    gate = links.driver.gates["create_path"] = Gate()
    await links.want(evaluated(WISH))
    dispatcher: Dispatcher[Work] = Dispatcher(
        "link", links.store, links.reconciler.reconcile, concurrency=1, grace=0.05
    )
    await dispatcher.start()
    await gate.reached.wait()
    await dispatcher.stop()
    assert await links.step() == 1, "the next worker had to wait for the lease"


async def test_a_result_that_cannot_be_saved_does_not_end_the_others(links: LinkScene) -> None:
    unspeakable, *others = many(5)
    links.driver.troubles["create_path"].append(Throttled("PostgreSQL has no \x00"))
    await links.want(unspeakable)
    async with working(links, concurrency=2):
        await eventually(links.link, lambda link: link["leased"])
        await links.want(*others)
        await eventually(links.told, lambda events: events.count("established") >= 4)
