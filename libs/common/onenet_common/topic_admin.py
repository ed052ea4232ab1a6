"""Reads topics from the broker and makes them as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, for_code

from onenet_common.settings import Settings
from onenet_common.topic_differences import Difference, Found, difference
from onenet_common.topics import configurations, create, new_topic

TOPIC_OVERRIDE = 1
"""``config_source`` of a value that was set for the topic itself."""


class Refused(Exception):
    """The broker has no such call."""


async def differences(admin: AIOKafkaAdminClient, settings: Settings) -> dict[str, Difference | None]:
    """By topic of ours, what is not as it should be.

    Raises:
        KafkaError: when the broker is away or refuses.
    """
    wanted = configurations()
    # A broker may create what it is asked to describe.
    existing = set(await admin.list_topics()) & wanted.keys()
    found = await _describe(admin, sorted(existing))
    return {
        name: difference(name, found.get(name), settings.kafka_partitions, configuration)
        for name, configuration in wanted.items()
    }


async def mend(admin: AIOKafkaAdminClient, settings: Settings, one: Difference, *, timeout: float) -> None:
    """Make one topic as it should be; repeated, it does what is left.

    Raises:
        Refused: when the broker cannot change what exists.
        KafkaError: when it is away or refuses.
    """
    if one.missing:
        return await create(admin, [new_topic(settings, one.topic)], timeout=timeout)
    try:
        if one.configuration:
            await _configure(admin, one.topic, one.configuration)
        if one.partitions is not None:
            await admin.create_partitions(
                {one.topic: NewPartitions(one.partitions)}, timeout_ms=int(timeout * 1000)
            )
    except IncompatibleBrokerVersion as error:
        raise Refused("this broker cannot change a topic that exists; Apache Kafka can") from error
    return None


async def _configure(admin: AIOKafkaAdminClient, topic: str, changes: Mapping[str, str]) -> None:
    """The call replaces all that was set for the topic, so what an operator set beside goes with it."""
    overrides = (await _configurations(admin, [topic]))[topic][1]
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {**overrides, **changes})
    _check(await admin.alter_configs([resource]))


async def _describe(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, Found]:
    if not names:
        return {}
    described = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
    told = await _configurations(admin, names)
    return {name: Found(described[name], *told[name]) for name in names}


async def _configurations(
    admin: AIOKafkaAdminClient, names: list[str]
) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """By topic, the values in force and those that were set for it."""
    # All values are asked for: the embedded broker breaks off when asked for some.
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in names]
    answers = await admin.describe_configs(resources)
    _check(answers)
    told = {}
    for _, _, _, name, entries in (resource for answer in answers for resource in answer.resources):
        told[name] = (
            {entry[0]: entry[1] for entry in entries},
            {entry[0]: entry[1] for entry in entries if entry[3] == TOPIC_OVERRIDE},
        )
    return told


def _check(answers: Iterable[Any]) -> None:
    for code, message, _, name, *_ in (resource for answer in answers for resource in answer.resources):
        if code:
            raise for_code(code)(f"{name}: {message}")
