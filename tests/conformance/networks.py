"""Wishes and links for tests, complete and valid, different where a test says so."""

from __future__ import annotations

from uuid import UUID, uuid4, uuid5

from onenet_common.connection import CType, Provider, ProviderType, Resource, Wish
from onenet_common.states import DesiredState
from onenet_provisioner.drivers.driver import Link


def provider(account: str, region: str, role_arn: str = "", external_id: str = "") -> Provider:
    return Provider(
        id=uuid5(UUID(int=0), account + region),
        name=f"{account} {region}",
        service=uuid5(UUID(int=1), account),
        provider_type=ProviderType.AWS,
        account=account,
        region=region,
        role_arn=role_arn or f"arn:aws:iam::{account}:role/OneNet",
        external_id=external_id or "external",
    )


def network(of: Provider, native_id: str, *blocks: str) -> Resource:
    """A network of this provider; the first block is its primary one."""
    return Resource.model_validate(
        {
            "id": uuid5(of.id, native_id),
            "name": f"AWS\\{native_id}",
            "service": of.service,
            "provider": of.id,
            "provider_type": of.provider_type,
            "account": of.account,
            "region": of.region,
            "native_id": native_id,
            "subnet": blocks[0],
            "subnets": blocks,
        }
    )


def link(left: Resource, right: Resource, *, adopt: bool = False, generation: int = 1) -> Link:
    """A new connection that wants both networks joined."""
    wish = Wish(id=uuid4(), name="orders", generation=generation, left=left, right=right, adopt=adopt)
    return Link(wish.id, generation, CType.AWS_PEERING, DesiredState.ESTABLISHED, wish)
