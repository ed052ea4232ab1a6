"""``onenet-topics``: makes Kafka's topics as OneNet needs them, as often as one likes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from onenet_common.settings import Settings, load
from onenet_common.topic_admin import Refused, differences, mend

SECONDS = 60.0
"""That the whole may take."""
CALL_SECONDS = 20.0

AS_IT_SHOULD_BE, DIFFERENT, UNREACHABLE = 0, 1, 2


def main() -> None:
    """Exit code 0 when all is as it should be, 1 when something is not, 2 without a broker."""
    arguments = _arguments(sys.argv[1:])
    settings = load(Settings, "TOPICS")
    try:
        code = asyncio.run(_within_time(settings, look_only=arguments.check or arguments.dry_run))
    except (KafkaError, OSError, TimeoutError) as error:
        sys.stderr.write(f"ONENET_KAFKA={settings.kafka}: {error!r}\n")
        sys.exit(UNREACHABLE)
    sys.exit(AS_IT_SHOULD_BE if arguments.dry_run else code)


async def run(settings: Settings, *, look_only: bool) -> int:
    """Look at every topic, mend it unless told to look only, and print a line for each.

    Returns:
        the exit code: ``DIFFERENT`` while a topic is not as it should be.
    """
    admin = AIOKafkaAdminClient(**settings.kafka_access(), request_timeout_ms=int(CALL_SECONDS * 1000))
    try:
        await admin.start()
        found = await differences(admin, settings)
        width = max(map(len, found))
        left = 0
        for topic, one in found.items():
            done = "as it should be"
            if one is not None and look_only:
                done, left = "differs", left + 1
            elif one is not None:
                try:
                    await mend(admin, settings, one, timeout=CALL_SECONDS)
                    done = "created" if one.missing else "changed"
                except Refused as error:
                    done, left = f"NOT changed: {error}", left + 1
            _print(topic.ljust(width), done, one.words if one is not None else ())
    finally:
        await admin.close()
    return DIFFERENT if left else AS_IT_SHOULD_BE


async def _within_time(settings: Settings, *, look_only: bool) -> int:
    async with asyncio.timeout(SECONDS):
        return await run(settings, look_only=look_only)


def _print(topic: str, done: str, words: Sequence[str]) -> None:
    sys.stdout.write("  ".join((topic, done, "; ".join(words))).rstrip() + "\n")


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="onenet-topics",
        description="Creates the Kafka topics that are missing, and gives those that exist the retention, "
        "compaction and number of partitions that they should have (ONENET_KAFKA_PARTITIONS; never fewer).",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="change nothing; exit code 1 on differences")
    only.add_argument("--dry-run", action="store_true", help="change nothing, say what would be done")
    return parser.parse_args(given)
