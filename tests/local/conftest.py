"""One local cloud for all tests of this folder; each test works in accounts of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from onenet_local.cloud.handle import HUB_ACCOUNT, LocalCloud, running
from onenet_local.cloud.owner import Owner

_numbers = count(100_000_000_001)


@pytest.fixture(scope="package")
def shared_cloud() -> Iterator[LocalCloud]:
    with running() as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud as it was started; what the test changes is changed back."""
    yield shared_cloud
    shared_cloud.disarm()
    shared_cloud.restore_limits()


@pytest.fixture
def new_owner(cloud: LocalCloud) -> Callable[[], Owner]:
    """Makes owners of accounts that nobody has used yet."""
    return lambda: Owner(cloud, str(next(_numbers)))


@pytest.fixture
def left(new_owner: Callable[[], Owner]) -> Owner:
    return new_owner()


@pytest.fixture
def right(new_owner: Callable[[], Owner]) -> Owner:
    return new_owner()


@pytest.fixture
def hub(cloud: LocalCloud) -> Owner:
    """OneNet's own account."""
    return Owner(cloud, HUB_ACCOUNT)
