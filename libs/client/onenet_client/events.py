"""Events as they happen: a stream that comes back by itself where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import httpx
from pydantic import ValidationError

from onenet_client.errors import Unexpected, Unreachable
from onenet_client.inventory import text
from onenet_client.models import Event
from onenet_client.retry import Outcome, Retry
from onenet_client.transport import Params, Transport

PATH = "/v1/events"

ATTEMPTS_TO_COME_BACK = 100
"""By a stream that was heard before: with the pauses of ``Retry`` some six minutes, for an API that is
being replaced or whose machine restarts."""


@dataclass(frozen=True)
class Block:
    """What stands between two empty lines: an event, a notice, or a position alone."""

    name: str = ""
    data: str = ""
    id: str = ""


class Events:
    """``/v1/events``"""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def follow(
        self,
        *,
        since: datetime | None = None,
        types: Sequence[str] = (),
        connection: UUID | None = None,
        service: UUID | None = None,
        until_now: bool = False,
    ) -> AsyncGenerator[Event, None]:
        """Yield events of what the caller owns, for ever; what is missed while the API is away comes later.

        Args:
            since: begin with what was published then; with what comes from now on when None.
            types: such as ``connection.established``; all when empty.
            until_now: end at the present.

        Raises:
            Unreachable: no answer after all retries; of these there are more once something was heard.
        """
        params = {
            "since": since.isoformat() if since is not None else None,
            "type": list(types),
            "connection": text(connection),
            "service": text(service),
            "follow": "false" if until_now else None,
        }
        last_id, made, retry = "", 0, self._transport.retry
        while True:
            try:
                async with aclosing(self._blocks(params, last_id, retry)) as blocks:
                    async for block in blocks:
                        last_id, made = block.id or last_id, 0
                        retry = replace(retry, attempts=max(retry.attempts, ATTEMPTS_TO_COME_BACK))
                        if block.name == "end" and "caught_up" in block.data:
                            return
                        if not block.name and block.data:
                            yield _event(block)
                outcome: Outcome = httpx.ReadError("the stream ended")
            except httpx.TransportError as error:
                outcome = error
            made += 1
            pause = retry.pause("GET", outcome, made)
            if pause is None:
                raise Unreachable(f"{self._transport.url} does not answer: {outcome}")
            await asyncio.sleep(pause)

    async def _blocks(self, params: Params, last_id: str, retry: Retry) -> AsyncGenerator[Block, None]:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with self._transport.stream(PATH, params, headers, retry) as lines:
            async for block in parse(lines):
                yield block


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[Block]:
    """Blocks of server-sent events, but for comments and what is cut off at the end."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(":")
        if line:
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        else:
            yield Block(fields.get("event", ""), fields.get("data", ""), fields.get("id", ""))
            fields = {}


def _event(block: Block) -> Event:
    try:
        return Event.model_validate_json(block.data)
    except ValidationError as error:
        raise Unexpected(f"no event of OneNet's: {error.errors()[0]['msg']}") from error
