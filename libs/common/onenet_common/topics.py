"""Kafka topics with their partitions and retention, created when absent."""

from __future__ import annotations

import asyncio

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from onenet_common import events
from onenet_common.dead_letters import topic_of
from onenet_common.settings import Settings

log = structlog.get_logger(__name__)

DAY = 24 * 60 * 60 * 1000
CONFIGURATION: dict[str, dict[str, str]] = {
    events.CONNECTIONS: {"retention.ms": str(7 * DAY)},
    events.INVENTORY: {"cleanup.policy": "compact"},
    events.HEALTH: {"retention.ms": str(1 * DAY)},
    events.FLOWS: {"retention.ms": str(1 * DAY)},
}
DEAD_LETTERS = {"retention.ms": str(14 * DAY)}


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
            missing = [topic for topic in self._wanted() if topic.name not in existing]
            if not missing:
                return
            answer = await admin.create_topics(missing, timeout_ms=int(self._timeout * 1000))
            for name, code, *_ in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(name)
        finally:
            await admin.close()

    def _wanted(self) -> list[NewTopic]:
        wanted = []
        for name, configuration in CONFIGURATION.items():
            wanted.append(self._topic(name, configuration))
            wanted.append(self._topic(topic_of(name), DEAD_LETTERS))
        return wanted

    def _topic(self, name: str, configuration: dict[str, str]) -> NewTopic:
        return NewTopic(
            name=name,
            num_partitions=self._settings.kafka_partitions,
            replication_factor=self._settings.kafka_replication,
            topic_configs=configuration,
        )
