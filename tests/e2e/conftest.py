"""One whole stack for the tests of this folder, in a hurry where it usually takes its time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from onenet_local.parts import Choice
from onenet_local.settings import LocalSettings
from onenet_local.stack import Stack
from onenet_local.unprivileged import temporary_folder

HASTE = {
    "api": {"ONENET_API_REPUBLISH_AFTER": "3"},
    "provisioner": {
        "ONENET_PROVISIONER_WATCH_INTERVAL": "2",
        "ONENET_PROVISIONER_DISCOVERY_INTERVAL": "5",
    },
}


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    with temporary_folder() as folder:
        settings = LocalSettings(local_fsync=False)
        async with Stack(folder, settings, choice=Choice(environment=HASTE)) as running:
            yield running
