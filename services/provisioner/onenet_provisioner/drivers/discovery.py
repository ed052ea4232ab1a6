"""The shape that every provider type's discovery has."""

from __future__ import annotations

from typing import Protocol

from onenet_common.connection import Provider, Resource


class Discovery(Protocol):
    """Looks at one provider.

    ``discover`` assumes the provider's role, verifies that it leads to ``provider.account``,
    and returns every network of its region. It raises Permanent when the provider does not let
    OneNet in, with the provider's own words, and Transient when it may next time.
    """

    async def discover(self, provider: Provider) -> list[Resource]: ...
