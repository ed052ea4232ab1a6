"""The broker that tests run against: the embedded one, unless the environment names another.

``ONENET_LOCAL_BROKER=apache`` starts Apache Kafka; ``ONENET_TEST_KAFKA=host:port`` uses one that
runs already.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from onenet_local.broker import Broker, choose
from onenet_local.processes import Process
from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import temporary_folder
from tests import databases


def local_settings() -> LocalSettings:
    """Of a stack for tests: with that broker, and in more of a hurry than careful of its data."""
    url = databases.given()
    database = SecretStr(url) if url is not None else None
    return LocalSettings(
        local_fsync=False,
        local_kafka=os.environ.get("ONENET_TEST_KAFKA"),
        local_database=database,
    )


@asynccontextmanager
async def running_broker() -> AsyncIterator[Broker]:
    """That broker alone."""
    with temporary_folder() as folder:
        broker = choose(folder, local_settings())
        async with AsyncExitStack() as ours:
            if isinstance(broker, Process):
                await ours.enter_async_context(broker)
            yield broker
