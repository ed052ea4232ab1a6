"""Events in: wishes for links, providers to look at."""

from __future__ import annotations

from collections.abc import Sequence

from onenet_common.bus import Handle
from onenet_common.database import Connection
from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionDeletionRequested,
    ConnectionEvaluated,
    ConnectionEvent,
    ProviderDiscoveryRequested,
    ProviderEvent,
    ProviderRegistered,
    ProviderRemoved,
)
from onenet_provisioner.link_store import LinkStore
from onenet_provisioner.provider_store import ProviderStore

HANDLED = frozenset(
    event.type
    for event in (
        ConnectionEvaluated,
        ConnectionDeletionRequested,
        ProviderRegistered,
        ProviderDiscoveryRequested,
        ProviderRemoved,
    )
)


def taking_in(links: LinkStore, providers: ProviderStore) -> Handle:
    """A handler that stores wishes; the work on them is the dispatchers'."""

    async def handle(messages: Sequence[Message], connection: Connection) -> None:
        await providers.want([one for one in messages if isinstance(one.event, ProviderEvent)], connection)
        await links.want([one for one in messages if isinstance(one.event, ConnectionEvent)], connection)

    return handle
