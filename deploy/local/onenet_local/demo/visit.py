"""Plays the demo with a stack that runs already, such as the one in containers, and leaves it running."""

from __future__ import annotations

import asyncio
import time

import httpx

from onenet_local.cloud.handle import LocalCloud
from onenet_local.demo.narration import EXPECTED, Narrator
from onenet_local.demo.story import Story


def visit(api: str, cloud: str, kafka: str, narrator: Narrator, *, keep: bool = False) -> int:
    """Play it; every visit has names and accounts of its own, so that it can be repeated.

    Args:
        api: the API's root.
        cloud: where that stack's local cloud is.
        kafka: ``host:port`` of that stack's broker.
        keep: leave the connection there.

    Returns:
        The exit code: 0 when every step was OK.
    """
    began = time.monotonic()
    narrator.say("OneNet's demo. AWS and the sign-on are simulated; all else is real.")
    try:
        stage = LocalCloud(cloud)
        stage.faults()
        asyncio.run(Story(api, stage, kafka, narrator, visit=int(time.time()), keep=keep).play())
    except httpx.TransportError as error:
        narrator.say(f"\nThe demo did not start: no local cloud answers at {cloud}: {error}")
        return 1
    except EXPECTED as error:
        narrator.say(f"\nThe demo failed: {error}")
        return 1
    narrator.say(f"\nAll OK in {time.monotonic() - began:.1f} s. The stack runs on.")
    return 0
