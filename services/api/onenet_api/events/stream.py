"""One stream of events: what was, then what comes, until its reader, its token or we end it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from onenet_api.events import positions, reader, starting, views
from onenet_api.events.feed import Feed, Heard, Live
from onenet_api.events.positions import Positions
from onenet_api.events.reader import BATCH, Offsets
from onenet_api.events.views import EventQuery
from onenet_api.tokens import TokenRefused, TokenVerifier, User
from onenet_common.kafka_settings import KafkaSettings

RETRY_MS = 2000
"""Milliseconds after which a browser comes back."""
CHUNK = 64 * 1024
"""Bytes of events that are written at once, and one event."""

ENDS = {
    "too_slow": "events came faster than they were read; resume with the last id",
    "interrupted": "events could not be read any further; resume with the last id",
    "draining": "this process is about to end; resume with the last id",
    "caught_up": "this is the present",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Args:
    resume: the position in Last-Event-ID; it goes before ``since``.
    """

    token: str
    user: User
    query: EventQuery
    resume: Positions | None


@dataclass(slots=True)
class Stream:
    """Args:
    heartbeat: seconds of silence after which a comment is sent.
    limit: events that may wait for a slow reader.
    """

    asked: Asked
    settings: KafkaSettings
    verifier: TokenVerifier
    feed: Feed
    heartbeat: float
    limit: int
    code: str = ""
    """Why it ended, once it has: one of ``ENDS``, or ``token_refused``."""
    _reason: str = ""
    _held: AsyncExitStack = field(default_factory=AsyncExitStack)
    _live: Live | None = None
    _past: AIOKafkaConsumer | None = None
    _reached: Offsets = field(default_factory=dict)
    _gap: bool = False

    async def open(self) -> None:
        """Find where to begin.

        Raises:
            Transient: when Kafka is away.
        """
        live = self._live = await self._held.enter_async_context(self.feed.listening(self.limit))
        resume, since = self.asked.resume, self.asked.query.since
        present = live.positions
        if since is None if resume is None else starting.is_present(resume, present):
            self._reached = present
            live.join()
        else:
            await self._look_back(live)

    async def close(self) -> None:
        await self._held.aclose()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """What is written, in pieces; ``code`` says afterwards why it ended."""
        yield views.begun(self._position, retry=RETRY_MS)
        if self._gap:
            yield views.notice("gap", "not_kept", "some events since then are not kept any more")
        async for piece in self._what_was():
            yield piece
        if not self.code and not self.asked.query.follow:
            self.code = "caught_up"
        async for piece in self._what_comes():
            yield piece
        yield views.notice("end", self.code, self._reason or ENDS[self.code])

    @property
    def _position(self) -> str:
        return positions.encode({(one.topic, one.partition): at for one, at in self._reached.items()})

    async def _look_back(self, live: Live) -> None:
        resume, since = self.asked.resume, self.asked.query.since
        kafka = await self._held.enter_async_context(reader.opened(self.settings))
        partitions = list(live.positions)
        first = await kafka.beginning_offsets(partitions)
        end = await reader.ends(kafka, partitions)
        if resume is not None:
            self._reached, self._gap = starting.resumed(resume, first, end)
        elif since is not None:
            self._reached = await reader.at_time(kafka, partitions, since, end)
        self._past = kafka

    async def _what_was(self) -> AsyncIterator[bytes]:
        """Read until what the live reader tells follows without a gap."""
        live, kafka = self._live, self._past
        if live is None or kafka is None:
            return
        joined = False
        while not (joined or self.code or live.listener.ended):
            target = live.positions
            if joined := starting.behind(self._reached, target) <= BATCH:
                live.join()
            start = {one: at for one, at in self._reached.items() if one in target}
            async for records in reader.between(kafka, start, target):
                if not await self._still_allowed():
                    return
                heard = await self.feed.heard(records)
                for piece in self._pieces([one for one in heard if self._new_enough(one)]):
                    yield piece
                for record in records:
                    self._reached[TopicPartition(record.topic, record.partition)] = record.offset + 1
            self._reached |= {one: max(at, self._reached[one]) for one, at in target.items()}

    async def _what_comes(self) -> AsyncIterator[bytes]:
        live = self._live
        while live is not None and not self.code:
            heard = await live.listener.next(self.heartbeat)
            if not await self._still_allowed():
                return
            for piece in self._pieces(heard):
                yield piece
            if heard or live.listener.waiting:
                continue
            if live.listener.ended is not None:
                self.code = live.listener.ended
                return
            self._reached |= {one: max(at, self._reached[one]) for one, at in live.positions.items()}
            yield views.still_here(self._position)

    def _pieces(self, heard: Sequence[Heard]) -> Iterator[bytes]:
        """What the reader may see of these and wants to, in chunks."""
        chunk = b""
        for one in heard:
            if one.following <= self._reached[one.partition]:
                continue
            self._reached[one.partition] = one.following
            event = one.concern.told_to(self.asked.user)
            if event is not None and self.asked.query.wants(event):
                chunk += views.told(event, self._position)
            if len(chunk) >= CHUNK:
                yield chunk
                chunk = b""
        if chunk:
            yield chunk

    def _new_enough(self, heard: Heard) -> bool:
        since = self.asked.query.since
        return self.asked.resume is not None or since is None or heard.timestamp >= since.timestamp() * 1000

    async def _still_allowed(self) -> bool:
        try:
            await self.verifier.user(self.asked.token)
        except TokenRefused as refusal:
            self.code, self._reason = "token_refused", refusal.reason
        return not self.code
