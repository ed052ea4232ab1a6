"""The short form of ``make chaos``: on Apache Kafka alone, which keeps what it acknowledged.

``test_chaos.py`` kills each service and the broker once, on either broker. This one hits replicas,
PostgreSQL too, stops what it does not kill, and lets calls at the cloud fail.
"""

from __future__ import annotations

import os
import shutil

import pytest

from onenet_local.apache_kafka import POM, cache
from onenet_local.java import find_java
from onenet_local.processes import StartFailed
from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings
from tests.chaos.report import markdown
from tests.chaos.run import Plan, run

SHORT = Plan(seed=1, connections=24, seconds=15, every=1.5, longest_stop=8.0, settle=120.0)


def _why_not() -> str:
    """What keeps Apache Kafka from being started and killed here; empty when nothing does."""
    settings = local_settings()
    if settings.local_kafka is not None or settings.local_broker != "apache":
        return (
            "it kills Apache Kafka, which `make test-kafka` starts; the embedded broker forgets when killed"
        )
    try:
        find_java(os.environ)
    except StartFailed as error:
        return str(error)
    if not cache(POM).exists() and shutil.which("mvn") is None:
        return "mvn is missing, which fetches Apache Kafka once"
    return ""


@pytest.mark.skipif(bool(_why_not()), reason=_why_not())
async def test_nothing_is_lost_or_doubled_whatever_dies() -> None:
    with temporary_folder() as folder:
        outcome = await run(SHORT, folder, LocalSettings())
    assert not outcome.findings, markdown(outcome)
