"""What the routes work with, built in ``main`` and handed to the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from onenet_api.connections.requests import Requests
from onenet_api.connections.waiting import Changes
from onenet_api.dead_letters.reader import DeadLetters
from onenet_api.dead_letters.replaying import Replaying
from onenet_api.events.streams import Streams
from onenet_api.settings import ApiSettings
from onenet_api.tokens import TokenVerifier
from onenet_api.webhooks.sealing import Seals
from onenet_api.webhooks.sending import Sender
from onenet_common.database import Database


@dataclass(frozen=True, slots=True)
class Context:
    settings: ApiSettings
    database: Database
    verifier: TokenVerifier
    changes: Changes
    requests: Requests
    replaying: Replaying
    streams: Streams
    sender: Sender
    seals: Seals

    @property
    def dead_letters(self) -> DeadLetters:
        return self.replaying.letters


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Api = Annotated[Context, Depends(_context)]
