"""Somebody who owns networks on a running stack: signed in, with two services and their providers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from onenet_client.client import Client
from onenet_client.login import with_hint
from onenet_client.models import Provider
from onenet_client.tokens import StaticToken

USER = "alice"
PATIENCE = 60.0
"""Seconds within which a provider's networks must have been discovered."""

POLL = 0.1

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Owner:
    """A signed-in user.

    Args:
        token: an access token, good for an hour.
    """

    client: Client
    token: str

    async def provider(self, name: str, account: str, region: str) -> Provider:
        """Register a service of this name with one provider."""
        service = await self.client.services.create(name)
        return await self.client.providers.create(name, service=service.id, account=account, region=region)

    async def networks(self, provider: Provider, count: int) -> dict[str, UUID]:
        """The provider's resources by native id, once there are ``count`` of them.

        Raises:
            TimeoutError: when they are not discovered in time.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.client.resources.find(provider=provider.id).all()
                if len(found) >= count:
                    return {resource.native_id: resource.id for resource in found}
                await asyncio.sleep(POLL)

    async def made_up_pairs(self, count: int) -> list[Pair]:
        """Pairs of networks of two providers, as the memory driver's discovery makes them up."""
        left = await self.provider("bench-left", "000000000001", "eu-central-1")
        right = await self.provider("bench-right", "000000000002", "eu-west-1")
        sides = [sorted((await self.networks(one, 200)).values()) for one in (left, right)]
        pairs = pairs_of(*sides)
        return [next(pairs) for _ in range(count)]


@asynccontextmanager
async def signed_in(api: str) -> AsyncIterator[Owner]:
    """The owner of everything that is measured, signed in through the issuer."""
    async with Client(api) as stranger:
        grant = await with_hint(await stranger.sign_in(), USER)
    async with Client(api, StaticToken(grant.access_token)) as client:
        yield Owner(client, grant.access_token)


def pairs_of(left: Sequence[UUID], right: Sequence[UUID]) -> Iterator[Pair]:
    """Every pair once, such that one network's pairs come far apart."""
    for shift in range(len(right)):
        for number, one in enumerate(left):
            yield one, right[(number + shift) % len(right)]


def asking(pair: Pair) -> str:
    """The body of a request for a connection."""
    return json.dumps({"resource_left": str(pair[0]), "resource_right": str(pair[1])})
