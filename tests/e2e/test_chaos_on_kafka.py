"""The short form of ``make chaos``: on Apache Kafka alone, which keeps what it acknowledged."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from onenet_local.settings import LocalSettings
from onenet_local.unprivileged import temporary_folder
from tests.brokers import local_settings
from tests.chaos.report import markdown
from tests.chaos.run import Plan, run

SHORT = Plan(seed=0, connections=60, seconds=35, every=2.5)


async def test_nothing_is_lost_or_doubled_whatever_dies() -> None:
    settings = LocalSettings()
    if settings.local_broker != "apache" or local_settings().local_kafka is not None:
        pytest.skip("the embedded broker forgets when it is killed; another's is not ours to kill")
    plan = replace(SHORT, seed=secrets.randbelow(1_000_000))
    with temporary_folder() as folder:
        outcome = await run(plan, folder, settings)
    assert not outcome.findings, markdown(outcome)
