"""Dead letters: what OneNet could not process. For administrators; others get NotFound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from onenet_client.listing import Listing
from onenet_client.models import DeadLetter, DeadLetterDetail, Page, Replay
from onenet_client.transport import Transport, read

PATH = "/v1/dead-letters"
REPLAYS = "/v1/dead-letter-replays"


class DeadLetters:
    """``/v1/dead-letters``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(
        self,
        *,
        topic: str | None = None,
        code: str | None = None,
        group: str | None = None,
        since: datetime | None = None,
    ) -> Listing[DeadLetter]:
        """Newest first; a page may be short, or empty, with more to come."""
        params = {
            "topic": topic,
            "code": code,
            "group": group,
            "since": since.isoformat() if since is not None else None,
        }
        return Listing(self._transport, PATH, Page[DeadLetter], params)

    async def get(self, letter: str) -> DeadLetterDetail:
        return read(DeadLetterDetail, await self._transport.get(f"{PATH}/{letter}"))

    async def replay(self, letters: Sequence[str], *, key: str | None = None) -> Replay:
        """Put letters back on their topics, each once in effect, however often this is called.

        Args:
            letters: up to 50.
        """
        return read(Replay, await self._transport.post(REPLAYS, {"ids": list(letters)}, key=key))
