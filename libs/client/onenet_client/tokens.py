"""Where a client's access tokens come from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

MARGIN = 30.0
"""Seconds before its end at which a token counts as spent: it has to survive the way there."""


class TokenSource(Protocol):
    async def token(self, refused: str | None = None) -> str:
        """A token to send now.

        Args:
            refused: a token that the API has just answered with 401.

        Raises:
            NotSignedIn: there is none, and none can be had without a person.
            Unreachable: the issuer does not answer.
        """


class Grant(BaseModel):
    """What an issuer's token endpoint gave. ``expires_at`` in seconds since the epoch."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    refresh_token: str | None = None
    expires_at: float

    def lasts(self, now: float) -> bool:
        return now + MARGIN < self.expires_at


@dataclass(frozen=True)
class StaticToken:
    """A token that somebody else renews, or nobody."""

    value: str

    async def token(self, refused: str | None = None) -> str:
        return self.value


class RenewedToken:
    """A token that is got anew when it is spent or refused; once, however many ask.

    Args:
        renew: gets the next grant, given the last one: by refresh token, by client credentials.
        grant: one that is there already.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        renew: Callable[[Grant | None], Awaitable[Grant]],
        grant: Grant | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renew = renew
        self._grant = grant
        self._clock = clock
        self._renewing = asyncio.Lock()

    async def token(self, refused: str | None = None) -> str:
        async with self._renewing:
            grant = self._grant
            if grant is None or not grant.lasts(self._clock()) or grant.access_token == refused:
                grant = self._grant = await self._renew(grant)
            return grant.access_token
