"""Nothing is lost and nothing is made twice, whatever dies in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from onenet_client.client import Client
from onenet_client.errors import Unreachable
from onenet_common.events import CONNECTIONS
from onenet_local.apache_kafka import ApacheKafka
from onenet_local.stack import Stack
from tests.e2e.estate import Estate, estate, until
from tests.e2e.topic import event_ids

NETWORKS = 10
"""On each side, so that there are a hundred pairs."""

PROGRESS = 10
"""How many are asked for before the first one dies."""

LOOKS = 1.0
"""Seconds between looks at all of them, each of which is work for the API."""


async def _ask(onenet: Client, left: UUID, right: UUID) -> None:
    """Ask until the API is there to answer; the key makes every try the same request."""

    async def asked() -> bool | None:
        try:
            await onenet.connections.create(left, right, key=f"{left}-{right}")
        except Unreachable:
            return None
        return True

    await until(asked, "the API to take the request")


async def _ask_for_all(estate: Estate, pairs: list[tuple[UUID, UUID]], at_once: int = 10) -> None:
    slots = asyncio.Semaphore(at_once)

    async def one(left: UUID, right: UUID) -> None:
        async with slots:
            await _ask(estate.onenet, left, right)

    await asyncio.gather(*(one(left, right) for left, right in pairs))


async def _all_established(estate: Estate) -> bool | None:
    return True if await estate.states() == {"ESTABLISHED": len(estate.pairs)} else None


async def _assert_built_once(estate: Estate) -> None:
    await until(
        lambda: _all_established(estate), f"all to be established; now {await estate.states()}", LOOKS
    )
    assert estate.live_peerings() == estate.expected_peerings()
    assert estate.peering_routes() == 2 * len(estate.pairs)


async def _assert_all_removed(estate: Estate) -> None:
    """Take all of them down at once."""
    await asyncio.gather(*(estate.onenet.connections.delete(one.id) for one in await estate.connections()))

    async def gone() -> bool | None:
        return True if await estate.states() == {"DELETED": len(estate.pairs)} else None

    await until(gone, "all to be deleted", LOOKS)
    assert not estate.live_peerings()
    assert estate.peering_routes() == 0


async def test_services_and_the_broker_killed_in_the_middle_lose_and_double_nothing(stack: Stack) -> None:
    """Each service dies while the first half is asked for and built, the broker when the second half is asked
    for; the embedded one has forgotten everything then."""
    async with estate(stack, networks=NETWORKS) as networks:
        half = len(networks.pairs) // 2
        async with _asked_for(networks, networks.pairs[:half]):
            for victim in ("provisioner", "api", "evaluator", "monitor"):
                await _kill(stack, victim)
        # Without an evaluator nobody has read the second half's requests when the broker dies.
        await stack.supervisor.stop_part("evaluator")
        async with _asked_for(networks, networks.pairs[half:]):
            # One that is somebody else's is not ours to kill.
            if "broker" in stack.processes:
                await _kill(stack, "broker")
        await stack.supervisor.start_part("evaluator")
        await _assert_built_once(networks)
        if isinstance(stack.processes.get("broker"), ApacheKafka):
            await _assert_all_on_the_topic(networks, stack.addresses.kafka)
        await _assert_all_removed(networks)


@asynccontextmanager
async def _asked_for(estate: Estate, pairs: list[tuple[UUID, UUID]]) -> AsyncIterator[None]:
    """The block begins when some of these are under way, and ends when all of them are asked for."""
    before = sum((await estate.states()).values())

    async def some_progress() -> bool | None:
        return True if sum((await estate.states()).values()) > before + PROGRESS else None

    asking = asyncio.create_task(_ask_for_all(estate, pairs))
    await until(some_progress, "some to be under way")
    yield
    await asking


async def _kill(stack: Stack, victim: str) -> None:
    await stack.supervisor.kill(victim)
    await stack.supervisor.until_ready(victim)


async def _assert_all_on_the_topic(estate: Estate, kafka: str) -> None:
    """Whoever reads the topic finds every event that the connections' timelines show."""
    shown = {
        str(entry.id)
        for connection in await estate.connections()
        async for entry in estate.onenet.connections.timeline(connection.id)
    }
    assert len(shown) > 2 * len(estate.pairs)
    assert shown - await event_ids(kafka, CONNECTIONS) == set()
