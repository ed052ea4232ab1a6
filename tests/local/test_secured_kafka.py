"""Signing in to Apache Kafka over TLS, as every service does, and every way in which that is refused."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from onenet_common import telemetry
from onenet_common.bus import Consumer
from onenet_common.envelope import Message
from onenet_common.errors import Transient
from onenet_common.events import HEALTH
from onenet_common.producer import Outgoing, Producer
from onenet_common.settings import Settings
from onenet_common.topics import Topics
from onenet_local.unprivileged import temporary_folder
from tests.authority import Authority
from tests.integration.waiting import eventually
from tests.local.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.local.test_apache_kafka import needs_kafka
from tests.samples import sampled

pytestmark = needs_kafka


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
async def broker(authority: Authority) -> AsyncIterator[SecuredKafka]:
    with temporary_folder() as folder:
        async with SecuredKafka(folder, authority) as broker:
            yield broker


@pytest.fixture
def signed_in(broker: SecuredKafka, authority: Authority) -> Callable[..., Settings]:
    """Makes settings that let in, but for what is said."""
    fields: dict[str, Any] = {
        "kafka": broker.address,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_ca_file": authority.ca_file,
        "kafka_user": USER,
        "kafka_password": PASSWORD,
        "kafka_partitions": 1,
        "kafka_session_timeout": 6,
    }
    return lambda **changes: Settings(**fields | changes)


async def carry(settings: Settings) -> None:
    """Create the topics, send a message and receive it: all that a service does with Kafka."""
    received: list[UUID] = []

    async def process(messages: Sequence[Message]) -> None:
        received.extend(message.id for message in messages)

    async def ids() -> list[UUID]:
        return received

    sent = sampled(uuid4(), "UP")
    await Topics(settings).create_missing()
    producer = Producer(settings)
    consumer = Consumer(
        settings, group=f"group-{uuid4()}", topics=[HEALTH], process=process, producer=producer
    )
    await consumer.start()
    try:
        await producer.send([Outgoing.of(sent)])
        await eventually(ids, lambda seen: sent.id in seen)
    finally:
        await consumer.stop()
        await producer.stop()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What a service logs at its most talkative."""
    caplog.set_level(logging.DEBUG)
    for name in telemetry.QUIET:
        caplog.set_level(logging.WARNING, name)
    return caplog


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_user_signs_in_with_each_mechanism(
    signed_in: Callable[..., Settings], mechanism: str, log: pytest.LogCaptureFixture
) -> None:
    await carry(signed_in(kafka_sasl_mechanism=mechanism))
    assert PASSWORD not in log.text


async def test_a_client_gets_in_with_its_certificate_alone(
    broker: SecuredKafka, authority: Authority
) -> None:
    certificate, key = authority.issue("api")
    settings = Settings(
        kafka=broker.certified_address,
        kafka_security_protocol="SSL",
        kafka_ca_file=authority.ca_file,
        kafka_certificate_file=certificate,
        kafka_key_file=key,
        kafka_partitions=1,
        kafka_session_timeout=6,
    )
    await carry(settings)
    with pytest.raises(Transient):
        await _send(settings.model_copy(update={"kafka_certificate_file": None, "kafka_key_file": None}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kafka_password": "hunter2-hunter2"}, "Authentication failed"),
        ({"kafka_user": "somebody"}, "Authentication failed"),
        ({"kafka_ca_file": None}, "certificate verify failed"),
        ({"kafka": "localhost"}, "Hostname mismatch, certificate is not valid for 'localhost'"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ca_file": None}, "Connection"),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_no_secret(
    signed_in: Callable[..., Settings],
    changes: dict[str, Any],
    words: str,
    broker: SecuredKafka,
    log: pytest.LogCaptureFixture,
) -> None:
    if "kafka" in changes:
        changes = {"kafka": f"localhost:{broker.port}"}
    with pytest.raises(Transient) as refused:
        await _send(signed_in(**changes))
    assert words in log.text + str(refused.value)
    for secret in (PASSWORD, "hunter2"):
        assert secret not in log.text + str(refused.value)


async def _send(settings: Settings) -> None:
    producer = Producer(settings, timeout=5)
    try:
        await producer.send([Outgoing.of(sampled(uuid4(), "UP"))])
    finally:
        await producer.stop()
