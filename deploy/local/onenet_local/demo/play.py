"""Runs the demo from nothing to nothing: a stack of its own, the story, and an end to it all."""

from __future__ import annotations

import asyncio
import time

from onenet_local.claim import AlreadyRunning, holder
from onenet_local.cloud.handle import LocalCloud
from onenet_local.demo.narration import EXPECTED, Narrator
from onenet_local.demo.story import Story
from onenet_local.parts import Choice
from onenet_local.promptness import PROMPT
from onenet_local.settings import LocalSettings
from onenet_local.stack import Stack
from onenet_local.unprivileged import forget

HASTE = {
    "ONENET_PROVISIONER_WATCH_INTERVAL": "2",
    "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "10",
}
"""The watchdog looks every minute by default; nobody wants to wait for it here."""

CHOICE = Choice(environment={**PROMPT, "provisioner": HASTE})

RUNS_ALREADY = 4


def play(settings: LocalSettings, narrator: Narrator) -> int:
    """Play it.

    Returns:
        The exit code: 0 when every step was OK.
    """
    folder = settings.local_data / "demo"
    began = time.monotonic()
    narrator.say("OneNet's demo. AWS and the sign-on are simulated on this machine; all else is real.")
    try:
        if holder(folder) is None:
            forget(folder)
        asyncio.run(_play(settings, narrator))
    except AlreadyRunning as error:
        narrator.say(f"\nThe demo did not start: {error}")
        return RUNS_ALREADY
    except EXPECTED as error:
        narrator.say(f"\nThe demo failed: {error}\nLogs of every process: {folder / 'logs'}")
        return 1
    except KeyboardInterrupt:
        narrator.say("\nStopped.")
        return 130
    narrator.say(f"\nAll OK in {time.monotonic() - began:.1f} s. Keep the stack running with: make up")
    return 0


async def _play(settings: LocalSettings, narrator: Narrator) -> None:
    folder = settings.local_data / "demo"
    stack = Stack(folder, settings, choice=CHOICE, report=narrator.detail)
    try:
        with narrator.step(
            "The stack starts: PostgreSQL, a Kafka broker, the local cloud, sign-on, four services"
        ):
            await stack.start()
            narrator.detail(f"API {stack.addresses.api}, logs {folder / 'logs'}")
        where = stack.addresses
        await Story(where.api, LocalCloud(where.cloud), where.kafka, narrator).play()
    finally:
        await stack.stop()
