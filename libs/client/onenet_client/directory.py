"""The directory: how signed-in users find each other's services and resources."""

from __future__ import annotations

from uuid import UUID

from onenet_client.listing import Listing
from onenet_client.models import DirectoryResource, DirectoryService, Page
from onenet_client.transport import Transport


class Directory:
    """``/v1/directory``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def services(self, q: str | None = None) -> Listing[DirectoryService]:
        return Listing(self._transport, "/v1/directory/services", Page[DirectoryService], {"q": q})

    def resources(self, q: str | None = None, service: UUID | None = None) -> Listing[DirectoryResource]:
        params = {"q": q, "service": str(service) if service is not None else None}
        return Listing(self._transport, "/v1/directory/resources", Page[DirectoryResource], params)
