"""The reference demo, as a test."""

from __future__ import annotations

import io

from onenet_local.cloud.handle import LocalCloud
from onenet_local.demo.narration import Narrator
from onenet_local.demo.story import Story
from onenet_local.stack import Stack


async def test_two_owners_connect_and_part_again(stack: Stack) -> None:
    told = io.StringIO()
    await Story(stack.addresses.api, LocalCloud(stack.addresses.cloud), Narrator(told)).play()
    assert "FAILED" not in told.getvalue()
    for word in ("PENDING_APPROVAL", "AWS_PEERING", "peering_id pcx-", "drifted", "repaired", "no peering"):
        assert word in told.getvalue()
