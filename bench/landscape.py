"""Two accounts of the local cloud with VPCs to be peered, one with one, across two regions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import httpx

from bench.owner import Owner, Pair
from bench.script import Peering, Site, Vpc
from onenet_local.cloud.handle import LocalCloud
from onenet_local.cloud.owner import Owner as AccountOwner

REGIONS = ("eu-central-1", "eu-west-1")


@dataclass(frozen=True, slots=True)
class Landscape:
    """What is to be joined."""

    left: Site
    right: Site
    peerings: tuple[Peering, ...]


async def landscape(cloud: str, number: int, size: int) -> Landscape:
    """Make two new accounts with ``size`` VPCs each, at most 250.

    Args:
        number: tells their accounts from all others.
    """
    left, right = (Site(f"{side}{number:011d}", region) for side, region in enumerate(REGIONS, start=1))
    lefts = await asyncio.to_thread(_make_vpcs, cloud, left, [f"10.1.{one}.0/24" for one in range(size)])
    rights = await asyncio.to_thread(_make_vpcs, cloud, right, [f"10.2.{one}.0/24" for one in range(size)])
    return Landscape(left, right, tuple(zip(lefts, rights, strict=True)))


async def register(owner: Owner, cloud: str, land: Landscape) -> list[Pair]:
    """Tell OneNet of both accounts and let it in; the resources of each peering, once discovered."""
    found: dict[str, UUID] = {}
    for site in (land.left, land.right):
        provider = await owner.provider(f"bench-{site.account}", site.account, site.region)
        await asyncio.to_thread(_let_in, cloud, site, provider.external_id)
        await owner.client.providers.discover(provider.id)
        # The account's default VPC is discovered, too.
        found |= await owner.networks(provider, len(land.peerings) + 1)
    return [(found[left.id], found[right.id]) for left, right in land.peerings]


async def calls(cloud: str, land: Landscape) -> int:
    """How many calls of EC2 were made in both accounts so far."""
    async with httpx.AsyncClient(base_url=cloud, timeout=10) as http:
        answers = [
            await http.get("/onenet/calls", params={"service": "ec2", "account": site.account})
            for site in (land.left, land.right)
        ]
    return sum(int(answer.raise_for_status().json()["total"]) for answer in answers)


def _make_vpcs(cloud: str, site: Site, blocks: list[str]) -> list[Vpc]:
    owner = AccountOwner(LocalCloud(cloud), site.account)
    return [Vpc(owner.vpc(block, region=site.region), block) for block in blocks]


def _let_in(cloud: str, site: Site, external_id: str) -> None:
    AccountOwner(LocalCloud(cloud), site.account).trust(external_id)
