"""Which driver builds which ctype, and which discovery looks at which provider type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from onenet_common.connection import CType, Provider, ProviderType
from onenet_common.errors import Permanent
from onenet_provisioner.drivers.discovery import Discovery
from onenet_provisioner.drivers.driver import Driver
from onenet_provisioner.settings import ProvisionerSettings

Lookup = Callable[[UUID], Awaitable[Provider]]


async def _nothing_to_close() -> None:
    """For clouds that hold no connections."""


@dataclass(frozen=True, slots=True)
class Clouds:
    """Everything that reaches a provider; as a component it closes what the drivers hold."""

    drivers: Mapping[CType, Driver[Any]]
    discoveries: Mapping[ProviderType, Discovery]
    close: Callable[[], Awaitable[None]] = _nothing_to_close

    async def start(self) -> None:
        """Nothing to do: sessions are made by the first call that needs them."""

    async def stop(self) -> None:
        await self.close()


def registry(settings: ProvisionerSettings, providers: Lookup) -> Clouds:
    """Build the drivers that the settings ask for.

    Args:
        providers: finds a provider by id, for the way into its account.

    Raises:
        Permanent: a cloud's SDK is not installed.
    """
    try:
        return _memory() if settings.driver == "memory" else _clouds(settings, providers)
    except ModuleNotFoundError as error:
        raise Permanent(f"{error.name} is missing: install onenet[aws]", code="not_installed") from error


def _clouds(settings: ProvisionerSettings, providers: Lookup) -> Clouds:
    # Imported here, so that a process without AWS does not pay for its SDK.
    from onenet_provisioner.drivers.aws.discovery import AwsDiscovery
    from onenet_provisioner.drivers.aws.peering import AwsPeering
    from onenet_provisioner.drivers.aws.reads import Reads
    from onenet_provisioner.drivers.aws.sessions import Sessions

    sessions = Sessions(providers, endpoint_url=settings.aws_endpoint_url)
    peering = AwsPeering(
        sessions,
        Reads(sessions),
        dns_resolution=settings.aws_dns_resolution,
        flow_logs_to=settings.aws_flow_logs_bucket,
    )
    return Clouds({CType.AWS_PEERING: peering}, {ProviderType.AWS: AwsDiscovery(sessions)}, sessions.aclose)


def _memory() -> Clouds:
    from onenet_provisioner.drivers.memory import MemoryCloud, MemoryDiscovery, MemoryDriver

    return Clouds({CType.AWS_PEERING: MemoryDriver(MemoryCloud())}, {ProviderType.AWS: MemoryDiscovery()})
