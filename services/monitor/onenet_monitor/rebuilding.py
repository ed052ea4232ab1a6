"""Standings and verdicts as the topics tell of them, folded as the handlers do. Pure.

A connection whose beginning is told counts as told and nothing else. Where the topic has lost the
beginning, the fold goes on from what is stored, with what this has not had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from onenet_common.envelope import Message
from onenet_common.events import (
    ConnectionApprovalRequested,
    ConnectionEvent,
    ConnectionHealthChanged,
    ConnectionRequested,
    HealthSampled,
)
from onenet_monitor.standings import OVER, Standing, moved
from onenet_monitor.verdicts import Verdict, published, take


class Rebuilding:
    """Takes events of connections in the order of their partitions, and then samples."""

    def __init__(self) -> None:
        self.standings: dict[UUID, Standing] = {}
        self.verdicts: dict[UUID, Verdict] = {}
        self.met: set[UUID] = set()
        """Connections that anything was told of."""
        self._stored: dict[UUID, Standing] = {}
        self._heard: set[UUID] = set()
        self._begun: set[UUID] = set()
        self._over: dict[UUID, int] = {}
        self._taken: set[UUID] = set()

    def strangers(self, messages: Iterable[Message]) -> set[UUID]:
        """Connections in these messages that were not met: ``go_on`` is due before they are taken."""
        return {_connection_of(one) for one in messages} - self.met

    def go_on(
        self, ids: Iterable[UUID], standings: Mapping[UUID, Standing], verdicts: Mapping[UUID, Verdict]
    ) -> None:
        """Meet connections, with what is stored of them."""
        self.met.update(ids)
        self.standings |= standings
        self.verdicts |= verdicts
        self._stored |= standings

    def renew(self, standings: Mapping[UUID, Standing]) -> None:
        """Go on from what is stored by now, where a connection that did so was handled meanwhile."""
        for one, standing in standings.items():
            if one in self.met - self._begun and self._stored.get(one) != standing:
                self.standings[one] = self._stored[one] = standing
                if standing.state in OVER:
                    self._over[one] = standing.generation
                    self.verdicts.pop(one, None)

    def take(self, message: Message, *, had: bool) -> None:
        """Fold one message; one that comes twice counts once.

        Args:
            had: what is stored has had it already.
        """
        if isinstance(message.event, HealthSampled):
            self._judge(message.event)
        elif isinstance(message.event, ConnectionEvent) and message.id not in self._taken:
            self._taken.add(message.id)
            self._follow(message, message.event, had=had)

    def _follow(self, message: Message, event: ConnectionEvent, *, had: bool) -> None:
        one = event.connection_id
        # Later on, the same event is a wish for other terms.
        if begins(message) and one not in self._heard:
            self._begun.add(one)
            self.standings.pop(one, None)
            self.verdicts.pop(one, None)
        self._heard.add(one)
        if had and one not in self._begun and one in self.standings:
            return
        if isinstance(event, ConnectionHealthChanged):
            self._hear(event)
        standing = moved(self.standings.get(one), message)
        if standing is None:
            return
        self.standings[one] = standing
        if standing.state in OVER:
            self._over[one] = standing.generation
            self.verdicts.pop(one, None)

    def _hear(self, event: ConnectionHealthChanged) -> None:
        """Our own word on its health: the samples behind it may be gone from their topic."""
        verdict = self.verdicts.get(event.connection_id)
        later = verdict is None or verdict.sampled_at < event.at
        if later and event.generation > self._ended(event.connection_id):
            self.verdicts[event.connection_id] = published(event)

    def _judge(self, event: HealthSampled) -> None:
        if event.generation <= self._ended(event.connection_id):
            return
        if verdicts := take(self.verdicts.get(event.connection_id), event):
            self.verdicts[event.connection_id] = verdicts[-1]

    def _ended(self, one: UUID) -> int:
        """The newest generation at which the connection came to its end; 0 when it did not."""
        standing = self.standings.get(one)
        stored = standing.generation if standing is not None and standing.state in OVER else 0
        return max(stored, self._over.get(one, 0))


def _connection_of(message: Message) -> UUID:
    """The connection that an event of it, or a sample, is about."""
    return UUID(message.event.key)


def begins(message: Message) -> bool:
    """Whether a user asks for a connection; a wish that is published again has no user."""
    event = message.event
    if not isinstance(event, ConnectionApprovalRequested | ConnectionRequested):
        return False
    return event.generation == 1 and message.actor != message.source
