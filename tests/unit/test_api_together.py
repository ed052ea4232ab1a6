"""What is asked for at once is done at once, and everybody gets what is his."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from onenet_api.together import LANES, MOST, Together
from onenet_common.errors import Transient


class Doubling:
    """Work that may begin a piece for each permit; it refuses odd numbers above a hundred."""

    def __init__(self, permits: int = 1000) -> None:
        self.pieces: list[list[int]] = []
        self.permits = asyncio.Semaphore(permits)
        self.away = False

    def permit(self, pieces: int = 1000) -> None:
        for _ in range(pieces):
            self.permits.release()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.pieces.append(list(items))
        await self.permits.acquire()
        if self.away:
            raise Transient("not now")
        if any(item > 100 and item % 2 for item in items):
            raise ValueError("an odd one")
        return [2 * item for item in items]


async def ask(together: Together[int, int], *items: int) -> list[asyncio.Task[int]]:
    """Ask one after the other, with time for each to be taken."""
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(together.do(item)))
        for _ in range(5):
            await asyncio.sleep(0)
    return tasks


async def busy() -> tuple[Doubling, Together[int, int], list[asyncio.Task[int]]]:
    """Every lane is at work on one item, until there are permits."""
    doubling = Doubling(permits=0)
    together = Together(doubling)
    tasks = await ask(together, *range(LANES))
    assert doubling.pieces == [[item] for item in range(LANES)]
    return doubling, together, tasks


async def test_nobody_waits_for_company() -> None:
    doubling = Doubling()
    assert await Together(doubling).do(21) == 42
    assert doubling.pieces == [[21]]


async def test_what_comes_while_all_lanes_are_busy_is_done_together() -> None:
    doubling, together, first = await busy()
    rest = await ask(together, *range(50, 60))
    assert len(doubling.pieces) == LANES
    doubling.permit()
    assert await asyncio.gather(*first, *rest) == [*range(0, 2 * LANES, 2), *range(100, 120, 2)]
    assert doubling.pieces[LANES:] == [list(range(50, 60))]


async def test_a_crowd_is_served_in_pieces_and_in_order() -> None:
    doubling, together, _ = await busy()
    crowd = await ask(together, *range(0, 2 * MOST + 10, 2))
    doubling.permit()
    await asyncio.gather(*crowd)
    assert [len(piece) for piece in doubling.pieces[LANES:]] == [MOST, 5]
    assert [item for piece in doubling.pieces[LANES:] for item in piece] == list(range(0, 2 * MOST + 10, 2))


async def test_an_error_is_its_own_and_the_others_get_their_results() -> None:
    doubling, together, _ = await busy()
    asked = await ask(together, 102, 103, 104)
    doubling.permit()
    good, bad, late = await asyncio.gather(*asked, return_exceptions=True)
    assert (good, late) == (204, 208)
    assert isinstance(bad, ValueError)
    assert doubling.pieces[LANES:] == [[102, 103, 104], [102], [103], [104]]


async def test_what_may_pass_is_told_to_all_and_not_tried_one_by_one() -> None:
    doubling, together, first = await busy()
    asked = await ask(together, 4, 5)
    doubling.away = True
    doubling.permit()
    outcomes = await asyncio.gather(*first, *asked, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Transient}
    assert doubling.pieces[LANES:] == [[4, 5]]


async def test_who_gives_up_while_waiting_is_not_served() -> None:
    doubling, together, _ = await busy()
    gone, stays = await ask(together, 6, 7)
    gone.cancel()
    doubling.permit()
    assert await asyncio.wait_for(stays, 5) == 14
    assert doubling.pieces[LANES:] == [[7]]


async def test_who_gives_up_while_being_served_disturbs_nobody() -> None:
    doubling, together, first = await busy()
    gone, stays = await ask(together, 6, 7)
    doubling.permit(LANES)
    await asyncio.gather(*first)
    gone.cancel()
    await asyncio.wait({gone})
    assert doubling.pieces[LANES:] == [[6, 7]]
    doubling.permit()
    assert await asyncio.wait_for(stays, 5) == 14
