"""The reference demo, as a test."""

from __future__ import annotations

import asyncio
import io

from onenet_local.cloud.handle import LocalCloud
from onenet_local.demo.narration import Narrator
from onenet_local.demo.story import Story
from onenet_local.demo.visit import visit
from onenet_local.stack import Stack


async def test_two_owners_connect_and_part_again(stack: Stack) -> None:
    told = io.StringIO()
    where = stack.addresses
    await Story(where.api, LocalCloud(where.cloud), where.kafka, Narrator(told)).play()
    assert "FAILED" not in told.getvalue()
    for word in (
        *("PENDING_APPROVAL", "AWS_PEERING", "peering_id pcx-", "drifted", "repaired", "no peering"),
        *("in the clear", "── shop  tcp/443", "over connection", "refused: tcp/", "change its l4filters"),
    ):
        assert word in told.getvalue()


async def test_it_can_be_played_again_where_it_was_played_before(stack: Stack) -> None:
    told = io.StringIO()
    where = stack.addresses
    assert await asyncio.to_thread(visit, where.api, where.cloud, where.kafka, Narrator(told)) == 0, (
        told.getvalue()
    )
    assert "The stack runs on." in told.getvalue()


async def test_a_visit_to_nowhere_says_where_nobody_answered(stack: Stack) -> None:
    told = io.StringIO()
    nowhere = "http://127.0.0.1:1"
    where = stack.addresses
    assert await asyncio.to_thread(visit, where.api, nowhere, where.kafka, Narrator(told)) == 1
    assert f"no local cloud answers at {nowhere}" in told.getvalue()
