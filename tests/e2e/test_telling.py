"""Owners are told what happens, by stream and by webhook, even when the API dies in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

from onenet_local.stack import Stack
from tests.e2e.estate import Estate, estate, until
from tests.integration.receiver import Receiver, receiving

NETWORKS = 2


@asynccontextmanager
async def _subscribed(estate: Estate, receiver: Receiver) -> AsyncIterator[None]:
    """A webhook, for as long as the block lasts: other tests share the stack, and count who reads."""
    service = estate.lefts[0].service
    made = await estate.onenet.webhooks.create(service, receiver.url)
    try:
        yield
    finally:
        await estate.onenet.webhooks.delete(service, made.id)


async def _followed(
    estate: Estate, since: datetime, mine: set[str], wanted: int, told: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Connection and kind of each event, into ``told``, until so many of ``mine`` are established.

    Other tests share the stack and the user: their connections are told on the same stream.
    """
    async with aclosing(estate.onenet.events.follow(since=since)) as events:
        async for event in events:
            if event.connection is not None:
                told.append((str(event.connection.id), event.type.split(".")[2]))
            if len({one for one, kind in told if kind == "established" and one in mine}) == wanted:
                return told
    return told


async def test_an_api_killed_in_the_middle_tells_everything_in_order(stack: Stack) -> None:
    async with (
        estate(stack, networks=NETWORKS) as networks,
        receiving() as receiver,
        _subscribed(networks, receiver),
    ):
        begin = datetime.now(UTC)
        pairs = len(networks.pairs)
        mine: set[str] = set()
        heard: list[tuple[str, str]] = []
        following = asyncio.create_task(_followed(networks, begin, mine, pairs, heard))
        for left, right in networks.pairs:
            mine.add(str((await networks.onenet.connections.create(left, right)).id))
        await receiver.until(pairs)

        async def something() -> bool | None:
            return bool(heard) or None

        await until(something, "the stream to have begun")
        await stack.supervisor.kill("api")
        await stack.supervisor.until_ready("api")
        streamed = await asyncio.wait_for(following, 90)

        async def delivered() -> list[tuple[str, str]] | None:
            kinds = [
                (one.event["subject"], one.event["type"].split(".")[2])
                for one in receiver.got
                if one.event["connection"] is not None
            ]
            return kinds if sum(kind == "established" for _, kind in set(kinds)) >= pairs else None

        posted = await until(delivered, "every connection's establishment to be delivered")
        for told in (streamed, posted):
            for connection in mine:
                kinds = list(dict.fromkeys(kind for one, kind in told if one == connection))
                assert kinds[:3] == ["requested", "evaluated", "established"]
