"""Real servers for the integration tests, started once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onenet_common.producer import Producer
from onenet_common.settings import Settings
from tests.brokers import running_broker
from tests.databases import running_database
from tests.integration.api_scene import Owner, Scene
from tests.integration.bus_scene import Effects, Topic, kafka_settings
from tests.integration.monitor_scene import MonitorScene


@pytest.fixture(scope="package")
async def postgres_url() -> AsyncIterator[str]:
    async with running_database() as url:
        yield url


@pytest.fixture(scope="package")
async def settings(postgres_url: str) -> AsyncIterator[Settings]:
    """Of a service, with a broker that runs."""
    async with running_broker() as broker:
        yield kafka_settings(broker, postgres_url)


@pytest.fixture(scope="package")
async def producer(settings: Settings) -> AsyncIterator[Producer]:
    producer = Producer(settings)
    yield producer
    await producer.stop()


@pytest.fixture
async def topic(settings: Settings) -> Topic:
    """A topic that nobody else uses."""
    topic = Topic(settings)
    await topic.create()
    return topic


@pytest.fixture
async def answers(settings: Settings) -> Topic:
    """Another topic, for what a handler publishes."""
    topic = Topic(settings)
    await topic.create()
    return topic


@pytest.fixture
async def effects(postgres_url: str) -> AsyncIterator[Effects]:
    """What handlers did, in a schema that nobody else uses."""
    effects = Effects(postgres_url)
    await effects.start()
    yield effects
    await effects.stop()


@pytest.fixture
def monitor_views(running_monitor: MonitorScene, postgres_url: str) -> str:
    """The database, in which the monitor has set up what the API reads."""
    return postgres_url


@pytest.fixture(scope="package")
async def running_api(postgres_url: str) -> AsyncIterator[Scene]:
    scene = Scene(postgres_url)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
async def scene(running_api: Scene) -> Scene:
    """The API without any objects in it."""
    await running_api.clear()
    return running_api


@pytest.fixture
async def left(scene: Scene) -> Owner:
    return await scene.owner("lena", {"vpc-1": ["10.1.0.0/16"], "vpc-3": ["10.3.0.0/16"]})


@pytest.fixture
async def right(scene: Scene) -> Owner:
    return await scene.owner("ravi", {"vpc-2": ["10.2.0.0/16"]})


@pytest.fixture(scope="package")
async def running_monitor(postgres_url: str) -> AsyncIterator[MonitorScene]:
    scene = MonitorScene(postgres_url)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
async def monitor(running_monitor: MonitorScene) -> MonitorScene:
    """The monitor's schema without anything in it."""
    await running_monitor.clear()
    return running_monitor
