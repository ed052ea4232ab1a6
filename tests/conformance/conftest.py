"""One local cloud for the whole suite; every scene in it has VPCs of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from onenet_common.connection import Provider
from onenet_common.errors import Transient
from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud, running
from onenet_local.cloud.keys import owner_key
from onenet_local.cloud.owner import Owner
from onenet_provisioner.drivers.aws.sessions import Sessions

from .aws_scene import AwsSceneInOnePlace, AwsSceneWithFlowLogs, Place
from .memory_scene import MemoryScene
from .networks import provider
from .scene import NewScene, Scene

SETTLE_SECONDS = 0.02


@pytest.fixture(scope="package")
def shared_cloud() -> Iterator[LocalCloud]:
    own_key = {"AWS_ACCESS_KEY_ID": owner_key(HUB_ACCOUNT), "AWS_SECRET_ACCESS_KEY": "not-checked"}
    before = {name: os.environ.get(name) for name in own_key}
    os.environ.update(own_key)
    with running() as cloud:
        yield cloud
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def cloud(shared_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """Without faults and with its own rules, whatever the test does to it."""
    yield shared_cloud
    shared_cloud.disarm()
    shared_cloud.restore_limits()


def _place(cloud: LocalCloud, account: str, region: str) -> Place:
    owner = Owner(cloud, account)
    return Place(provider(account, region, owner.trust("external"), "external"), owner)


@pytest.fixture(scope="package")
def left(shared_cloud: LocalCloud) -> Place:
    return _place(shared_cloud, "111111111111", "eu-west-1")


@pytest.fixture(scope="package")
def right(shared_cloud: LocalCloud) -> Place:
    return _place(shared_cloud, "222222222222", "us-east-1")


@pytest.fixture(scope="package")
async def sessions(shared_cloud: LocalCloud, left: Place, right: Place) -> AsyncIterator[Sessions]:
    known = {place.provider.id: place.provider for place in (left, right)}

    async def lookup(provider_id: UUID) -> Provider:
        if provider_id not in known:
            raise Transient(f"provider {provider_id} is not known yet")
        return known[provider_id]

    made = Sessions(lookup, endpoint_url=shared_cloud.url)
    yield made
    await made.aclose()


@pytest.fixture
def new_scene(cloud: LocalCloud, sessions: Sessions, left: Place, right: Place) -> NewScene:
    """Makes scenes by the name of their kind."""

    async def make(kind: str) -> Scene:
        match kind:
            case "memory":
                return MemoryScene()
            case "AWS in one account and region":
                return AwsSceneInOnePlace(cloud, sessions, left, left)
            case "AWS across accounts and regions, with flow logs":
                cloud.limit(settle=SETTLE_SECONDS)
                return AwsSceneWithFlowLogs(cloud, sessions, left, right)
        raise ValueError(f"no scene is called {kind!r}")

    return make
