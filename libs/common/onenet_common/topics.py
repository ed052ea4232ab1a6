"""Kafka topics with their partitions and retention, created when absent.

A service creates what is missing and changes nothing that is there; ``onenet-topics`` does
(``topics_command.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from onenet_common import events
from onenet_common.dead_letters import topic_of
from onenet_common.settings import Settings

log = structlog.get_logger(__name__)

DAY = 24 * 60 * 60 * 1000


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY)}


CONFIGURATION: dict[str, dict[str, str]] = {
    events.CONNECTIONS: _kept(7),
    events.INVENTORY: {"cleanup.policy": "compact"},
    events.HEALTH: _kept(1),
    events.FLOWS: _kept(1),
    events.FINDINGS: _kept(7),
}
DEAD_LETTERS = _kept(14)


def configurations() -> dict[str, dict[str, str]]:
    """Every topic's configuration by its name, dead letters' too."""
    return CONFIGURATION | {topic_of(name): DEAD_LETTERS for name in CONFIGURATION}


def new_topic(settings: Settings, name: str) -> NewTopic:
    """A topic of ours as it is created."""
    return NewTopic(
        name=name,
        num_partitions=settings.kafka_partitions,
        replication_factor=settings.kafka_replication,
        topic_configs=configurations()[name],
    )


async def create(admin: AIOKafkaAdminClient, topics: Sequence[NewTopic], *, timeout: float) -> None:
    """Create topics; one that somebody else has created meanwhile is as good.

    Raises:
        KafkaError: when the broker refuses.
    """
    answer = await admin.create_topics(list(topics), timeout_ms=int(timeout * 1000))
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(name)


class Topics:
    """A component that waits for the broker and creates what is missing."""

    def __init__(self, settings: Settings, *, timeout: float = 10.0) -> None:
        self._settings = settings
        self._timeout = timeout

    async def start(self) -> None:
        pause = 0.1
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self.create_missing()
            except (KafkaError, OSError) as error:
                log.warning("kafka.unavailable", error=repr(error), retry_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def stop(self) -> None:
        """Nothing is held."""

    async def create_missing(self) -> None:
        """Create the topics that are not there, once.

        Raises:
            KafkaError: when the broker is away or refuses.
        """
        admin = AIOKafkaAdminClient(**self._settings.kafka_access())
        try:
            await admin.start()
            existing = set(await admin.list_topics())
            missing = [new_topic(self._settings, name) for name in configurations() if name not in existing]
            if missing:
                await create(admin, missing, timeout=self._timeout)
        finally:
            await admin.close()
