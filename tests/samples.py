"""Values for tests: complete and valid, different where a test says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from onenet_common.connection import CType, Provider, ProviderType, Resource, Sample, Wish
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeletionRequested,
    ConnectionEvaluated,
    ConnectionRequested,
    HealthSampled,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def provider(account: str = "111111111111", region: str = "eu-west-1", **changes: Any) -> Provider:
    return Provider(
        **{
            "id": uuid5(UUID(int=0), account + region),
            "name": f"{account} {region}",
            "service": uuid5(UUID(int=1), account),
            "provider_type": ProviderType.AWS,
            "account": account,
            "region": region,
            "role_arn": f"arn:aws:iam::{account}:role/OneNet",
            "external_id": "external",
            **changes,
        }
    )


def network(native_id: str, *blocks: str, of: Provider | None = None, **changes: Any) -> Resource:
    """A network; the first block is its primary one."""
    of = of or provider()
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
            **changes,
        }
    )


LEFT = network("vpc-left", "10.1.0.0/16")
RIGHT = network("vpc-right", "10.2.0.0/16", of=provider("222222222222", "eu-north-1"))


def wish(generation: int = 1, **changes: Any) -> Wish:
    given = {"id": uuid4(), "name": "orders", "left": LEFT, "right": RIGHT, **changes}
    return Wish(generation=generation, **given)


def requested(of: Wish) -> Message:
    return Message.of(ConnectionRequested(connection_id=of.id, generation=of.generation, wish=of))


def evaluated(of: Wish) -> Message:
    return Message.of(
        ConnectionEvaluated(
            connection_id=of.id, generation=of.generation, wish=of, ctype=CType.AWS_PEERING, alternatives=()
        )
    )


def deletion_requested(of: Wish, ctype: CType | None = None) -> Message:
    return Message.of(
        ConnectionDeletionRequested(connection_id=of.id, generation=of.generation, wish=of, ctype=ctype)
    )


def sampled(connection_id: UUID, health: str, at: datetime = NOW, generation: int = 1) -> Message:
    sample = Sample(source="control-plane", health=health, reasons=(f"it is {health}",), at=at)
    return Message.of(HealthSampled(connection_id=connection_id, generation=generation, sample=sample))
