"""Replays: each letter goes back on its topic once, in the order in which the letters failed.

The row that says so is written first and committed last. Whoever asks again, or at the same time,
runs into it. A process that dies between the broker's acknowledgement and the commit leaves no row,
and a repetition sends the record again: its event id is the same, and inboxes drop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onenet_api.audit import log as audit
from onenet_api.dead_letters import store
from onenet_api.dead_letters.letters import Place, Record, Summary, in_order, replay, summary
from onenet_api.dead_letters.reader import DeadLetters
from onenet_api.dead_letters.views import Outcome
from onenet_common.database import Connection
from onenet_common.producer import Producer
from onenet_common.telemetry import meter

_replayed = meter.create_counter(
    "onenet.api.dead_letters.replayed", description="Dead letters put back, by topic and code"
)


@dataclass(frozen=True, slots=True)
class Replaying:
    letters: DeadLetters
    producer: Producer

    async def replay(
        self, connection: Connection, places: Sequence[Place], actor: str
    ) -> dict[Place, Outcome]:
        """Put letters back, in the caller's transaction.

        Raises:
            Transient: when Kafka is away; nothing counts as replayed then.
        """
        found = await self.letters.find(places)
        told = {place: summary(record) for place, record in found.items()}
        fresh = await store.claim(connection, [one for one in told.values() if not one.cut], actor)
        chosen = [found[place] for place, letter in told.items() if letter.identity in fresh]
        await self._send(connection, in_order(chosen), actor)
        outcomes = {place: _outcome(told.get(place)) for place in places}
        return outcomes | {place: Outcome.REPLAYED for place, one in told.items() if one.identity in fresh}

    async def _send(self, connection: Connection, records: Sequence[Record], actor: str) -> None:
        for record in records:
            letter = summary(record)
            detail = {
                "letter": str(letter.place),
                "source": letter.source,
                "code": letter.code,
                "event_id": letter.event_id,
                "attempts": letter.attempts,
            }
            await audit.record(
                connection, audit.Entry(actor, "dead_letter.replay", letter.identity, (), detail)
            )
        await self.producer.send([replay(record) for record in records])
        for record in records:
            letter = summary(record)
            _replayed.add(1, {"topic": letter.place.topic, "code": letter.code})


def _outcome(letter: Summary | None) -> Outcome:
    if letter is None:
        return Outcome.GONE
    return Outcome.CUT if letter.cut else Outcome.ALREADY_REPLAYED
