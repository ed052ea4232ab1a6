"""One whole stack for the tests of this folder, in a hurry where it usually takes its time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onenet_local.parts import Choice
from onenet_local.promptness import PROMPT
from onenet_local.services import SERVICES
from onenet_local.stack import Stack
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings
from tests.e2e.traces import Traces

SHARED = {
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    # A hundredth of a second, as on the embedded broker by default, costs half a processor at rest.
    "ONENET_KAFKA_FETCH_WAIT": "0.1",
}
HASTE = {
    **PROMPT,
    # Nobody chooses mails here; with the name of a server they are counted.
    "api": {"ONENET_API_REPUBLISH_AFTER": "3", "ONENET_API_SMTP_HOST": "localhost"},
    "provisioner": {
        "ONENET_PROVISIONER_WATCH_INTERVAL": "2",
        "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "5",
    },
}


@pytest.fixture(scope="package")
async def traces() -> AsyncIterator[Traces]:
    received = Traces()
    await received.start()
    yield received
    await received.stop()


@pytest.fixture(scope="package")
async def stack(traces: Traces) -> AsyncIterator[Stack]:
    told = {
        service.name: {
            "ONENET_OTLP_ENDPOINT": traces.endpoint,
            **SHARED,
            **HASTE.get(service.name, {}),
        }
        for service in SERVICES
    }
    with temporary_folder() as folder:
        async with Stack(folder, local_settings(), choice=Choice(environment=told)) as running:
            yield running
