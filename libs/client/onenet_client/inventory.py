"""Services, providers and resources: what there is to connect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from onenet_client.listing import Listing
from onenet_client.models import Page, Provider, Resource, Service
from onenet_client.transport import Transport, read


class Services:
    """``/v1/services``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, *, name: str | None = None, sort: str | None = None) -> Listing[Service]:
        return Listing(self._transport, "/v1/services", Page[Service], {"name": name, "sort": sort})

    async def get(self, service: UUID) -> Service:
        return read(Service, await self._transport.get(f"/v1/services/{service}"))

    async def create(
        self, name: str, *, description: str | None = None, owners: Sequence[str] = (), key: str | None = None
    ) -> Service:
        body = given(name=name, description=description, owners=list(owners) or None)
        return read(Service, await self._transport.post("/v1/services", body, key=key))

    async def update(
        self, service: UUID, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Service:
        """Change ``name``, ``description`` or ``owners``.

        Args:
            version: refuse (``Changed``) when it is no longer this one.
        """
        return read(Service, await self._transport.patch(f"/v1/services/{service}", changes, version))

    async def delete(self, service: UUID) -> None:
        await self._transport.delete(f"/v1/services/{service}")


class Providers:
    """``/v1/providers``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, *, service: UUID | None = None, sort: str | None = None) -> Listing[Provider]:
        params = {"service": text(service), "sort": sort}
        return Listing(self._transport, "/v1/providers", Page[Provider], params)

    async def get(self, provider: UUID) -> Provider:
        return read(Provider, await self._transport.get(f"/v1/providers/{provider}"))

    async def create(
        self,
        name: str,
        *,
        service: UUID,
        account: str,
        region: str,
        provider_type: str = "AWS",
        role_arn: str | None = None,
        key: str | None = None,
    ) -> Provider:
        """Register a provider; its resources appear once they are discovered.

        Args:
            account: 12 digits.
            role_arn: the role that OneNet assumes; the API names one when None.
        """
        body = given(
            name=name,
            service=str(service),
            provider_type=provider_type,
            account=account,
            region=region,
            role_arn=role_arn,
        )
        return read(Provider, await self._transport.post("/v1/providers", body, key=key))

    async def update(
        self, provider: UUID, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Provider:
        """Change ``name`` or ``role_arn``."""
        return read(Provider, await self._transport.patch(f"/v1/providers/{provider}", changes, version))

    async def delete(self, provider: UUID) -> None:
        await self._transport.delete(f"/v1/providers/{provider}")

    async def discover(self, provider: UUID) -> None:
        """Have a fresh look at it; the answer comes before the look is over."""
        await self._transport.post(f"/v1/providers/{provider}/discover")


class Resources:
    """``/v1/resources``: those of the caller's services."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(
        self,
        *,
        service: UUID | None = None,
        provider: UUID | None = None,
        state: Sequence[str] = (),
        contains: str | None = None,
        sort: str | None = None,
    ) -> Listing[Resource]:
        """List resources.

        Args:
            contains: an address or a CIDR block that lies within the resource.
        """
        params = {
            "service": text(service),
            "provider": text(provider),
            "state": list(state),
            "contains": contains,
            "sort": sort,
        }
        return Listing(self._transport, "/v1/resources", Page[Resource], params)

    async def get(self, resource: UUID) -> Resource:
        return read(Resource, await self._transport.get(f"/v1/resources/{resource}"))

    async def update(
        self, resource: UUID, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Resource:
        """Change ``description`` or ``l4filters``."""
        return read(Resource, await self._transport.patch(f"/v1/resources/{resource}", changes, version))


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None: the API sets its defaults for the others."""
    return {name: value for name, value in fields.items() if value is not None}


def text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
