"""A service as a process: ready, asked, drained; and it goes on when the broker has forgotten everything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from aiokafka import AIOKafkaConsumer

from onenet_common.events import CONNECTIONS
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from onenet_local.probes import HOST, free_port
from onenet_local.tansu import Tansu
from onenet_local.unprivileged import temporary_folder
from tests.integration.bus_scene import Effects, Topic, kafka_settings, messages
from tests.integration.waiting import eventually
from tests.samples import requested, wish


class Service:
    """The evaluator, which needs a broker alone, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self._http = httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=10)

    async def status(self, path: str) -> int:
        try:
            return (await self._http.get(path)).status_code
        except httpx.TransportError:
            return 0

    async def shows(self, metric: str, label: str, value: float) -> None:
        """Wait until every series of the metric with that label has the value."""

        async def values() -> set[float]:
            lines = (await self._http.get("/metrics")).text.splitlines()
            return {float(line.split()[-1]) for line in lines if line.startswith(metric) and label in line}

        await eventually(values, lambda seen: seen == {value})

    async def become(self, path: str, status: int) -> None:
        await eventually(lambda: self.status(path), lambda seen: seen == status)

    async def end(self) -> int:
        """Ask it to end; its exit code, within the ten seconds that it has."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            return await self.process.wait()


@asynccontextmanager
async def running(settings: Settings, **changes: str) -> AsyncIterator[Service]:
    port = free_port()
    own = {
        "ONENET_KAFKA": settings.kafka,
        "ONENET_KAFKA_IDEMPOTENCE": str(settings.kafka_idempotence),
        "ONENET_KAFKA_SESSION_TIMEOUT": str(settings.kafka_session_timeout),
        "ONENET_KAFKA_PARTITIONS": "2",
        "ONENET_OPS_PORT": str(port),
        "PATH": os.environ["PATH"],
        **changes,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "onenet_evaluator.main"),
        env=own,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Service(process, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_service_gets_ready_answers_and_drains(settings: Settings, producer: Producer) -> None:
    async with running(settings) as service:
        await service.become("/readyz", 200)
        assert await service.status("/healthz") == 200
        await service.shows("onenet_service_ready", "", 1.0)
        await producer.send([Outgoing.of(requested(wish()))])

        await service.shows("onenet_messages_handled_total", 'outcome="handled"', 1.0)
        await service.shows("onenet_evaluations_total", 'outcome="chosen"', 1.0)
        await service.shows("onenet_consumer_lag", 'group="onenet-evaluator"', 0.0)
        assert await service.end() == 0


async def test_a_service_without_a_broker_is_alive_not_ready_and_can_be_ended(settings: Settings) -> None:
    async with running(settings, ONENET_KAFKA=f"{HOST}:{free_port()}") as service:
        await service.become("/healthz", 200)
        assert await service.status("/readyz") == 503
        await service.shows("onenet_service_ready", "", 0.0)
        assert await service.end() == 0


async def test_a_misspelt_setting_ends_the_start_with_its_name(settings: Settings) -> None:
    async with running(settings, ONENET_EVALUATOR_CATALOG="x") as service:
        _, told = await service.process.communicate()
    assert service.process.returncode == 2
    assert b"ONENET_EVALUATOR_CATALOG: no such setting; did you mean ONENET_EVALUATOR_CATALOGUE?" in told


async def test_a_broken_catalogue_ends_the_start_with_its_name(settings: Settings) -> None:
    async with running(settings, ONENET_EVALUATOR_CATALOGUE="/nowhere.yaml") as service:
        _, told = await service.process.communicate()
    assert service.process.returncode == 2
    assert b"ONENET_EVALUATOR_CATALOGUE: /nowhere.yaml" in told


async def test_after_the_broker_lost_everything_consumers_begin_anew(
    postgres_url: str, effects: Effects
) -> None:
    with temporary_folder() as folder:
        async with Tansu(folder) as broker:
            settings = kafka_settings(broker, postgres_url)
            topic, producer = Topic(settings), Producer(settings, timeout=5)
            await topic.create()
            async with topic.consumed(effects.processor(topic), producer):
                sent = messages("UP", "DOWN", "UP")
                await producer.send([topic.outgoing(message) for message in sent])
                await effects.settled("UP", "DOWN", "UP")
                await broker.kill()
                await broker.start()
                await topic.create()

                await producer.send([topic.outgoing(*messages("DEGRADED"))])

                await effects.settled("UP", "DOWN", "UP", "DEGRADED")
            await producer.stop()


async def test_what_is_sent_while_the_broker_is_away_arrives_once_it_is_back(postgres_url: str) -> None:
    with temporary_folder() as folder:
        broker = Tansu(folder)
        settings = kafka_settings(broker, postgres_url)
        producer = Producer(settings, timeout=10)

        async def delivered() -> bool:
            await producer.send([Outgoing.of(requested(wish()))])
            return True

        waiting = asyncio.create_task(eventually(delivered))
        topics = asyncio.create_task(Topics(settings).start())
        async with broker:
            assert await waiting
            await topics
            kafka = AIOKafkaConsumer(
                CONNECTIONS, bootstrap_servers=settings.kafka, auto_offset_reset="earliest"
            )
            await kafka.start()
            assert await kafka.getone()
            await kafka.stop()
            await producer.stop()
