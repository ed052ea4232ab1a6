"""Which network had which addresses, and which connection carried, from their events alone. Pure.

A change counts from its event's time on, so that a flow record that comes late is attributed with
what was true at its own time. Events of one key come in order; what is older than what is known
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from onenet_common import events
from onenet_common.addresses import Address, parse_address
from onenet_common.addresses import Network as Cidr
from onenet_common.envelope import Message

HANDLED: frozenset[str] = frozenset(
    event.type
    for event in (
        events.ResourceDiscovered,
        events.ResourceChanged,
        events.ResourceGone,
        events.ConnectionApprovalRequested,
        events.ConnectionRequested,
        events.ConnectionEvaluated,
        events.ConnectionPathRefused,
        events.ConnectionEstablished,
        events.ConnectionFailed,
        events.ConnectionDeletionRequested,
        events.ConnectionDeleted,
    )
)


@dataclass(frozen=True, slots=True)
class Network:
    """A network as it was from ``valid_from`` until ``valid_until``; None while it is."""

    resource_id: UUID
    valid_from: datetime
    valid_until: datetime | None
    provider: UUID
    account: str
    native_id: str
    subnets: tuple[Cidr, ...]
    public_addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkEnds:
    """Between which networks a connection is wished.

    Args:
        since: when it began to carry; None while it does not.
        ctype: by which it was established last.
    """

    connection_id: UUID
    generation: int
    left: UUID
    right: UUID
    since: datetime | None = None
    ctype: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A time in which a connection carried traffic; ``valid_until`` is None while it does."""

    connection_id: UUID
    valid_from: datetime
    valid_until: datetime | None
    left: UUID
    right: UUID
    ctype: str


def network_after(newest: Network | None, event: events.Event) -> list[Network]:
    """What an event of a resource makes of the newest that is known of it: states to be written."""
    if isinstance(event, events.ResourceDiscovered | events.ResourceChanged):
        return _discovered(newest, event)
    if not isinstance(event, events.ResourceGone) or newest is None or newest.valid_until is not None:
        return []
    return [replace(newest, valid_until=event.at)] if event.at >= newest.valid_from else []


def link_after(ends: LinkEnds | None, message: Message) -> tuple[LinkEnds | None, Link | None]:
    """What an event of a connection makes of it.

    Returns:
        its ends, and a time of carrying that is to be written: one that began, or one that is over.
    """
    event, at = message.event, message.time
    if not isinstance(event, events.ConnectionEvent) or (ends and event.generation < ends.generation):
        return ends, None
    if isinstance(event, events.WishEvent):
        return _wished(ends, event), None
    if ends is None:
        return None, None
    ends = replace(ends, generation=event.generation)
    if isinstance(event, events.ConnectionEstablished):
        if ends.since is not None:
            return ends, None
        ends = replace(ends, since=at, ctype=event.ctype.value)
        return ends, _carrying(ends, at, None)
    if ends.since is not None and _ends_it(event):
        return replace(ends, since=None), _carrying(ends, ends.since, max(at, ends.since))
    return ends, None


def _discovered(
    newest: Network | None, event: events.ResourceDiscovered | events.ResourceChanged
) -> list[Network]:
    found = event.resource
    now = Network(
        found.id,
        event.at,
        None,
        found.provider,
        found.account,
        found.native_id,
        found.subnets,
        tuple(map(parse_address, found.public_addresses)),
    )
    if newest is None:
        return [now]
    if newest.valid_until is not None:
        return [now] if event.at >= newest.valid_until else []
    if event.at < newest.valid_from or now == replace(newest, valid_from=event.at):
        return []
    if event.at == newest.valid_from:
        return [now]
    return [replace(newest, valid_until=event.at), now]


def _wished(ends: LinkEnds | None, event: events.WishEvent) -> LinkEnds:
    wish = event.wish
    now = LinkEnds(wish.id, event.generation, wish.left.id, wish.right.id)
    return now if ends is None else replace(now, since=ends.since, ctype=ends.ctype)


def _carrying(ends: LinkEnds, since: datetime, until: datetime | None) -> Link:
    return Link(ends.connection_id, since, until, ends.left, ends.right, ends.ctype)


def _ends_it(event: events.ConnectionEvent) -> bool:
    if isinstance(event, events.ConnectionFailed):
        return not event.reverted
    return isinstance(event, events.ConnectionDeleted)
