"""The issuer's signing keys: found by discovery, kept while the issuer is away, rotated with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, KeySetSerialization

from onenet_common.background import Background
from onenet_common.errors import Transient

TIMEOUT = 5.0
"""Seconds for one request to the issuer."""
REFRESH = 300.0
"""Seconds after which a key that the issuer has withdrawn stops being trusted."""
PAUSE = 3.0
"""Seconds between two looks because of unknown keys: anybody can send a token with one."""

log = structlog.get_logger(__name__)


class IssuerKeys:
    """The keys of one OpenID issuer by their ``kid``.

    Args:
        issuer: its URL; ``/.well-known/openid-configuration`` below it must name it again.
        clock: seconds, monotonic.
        jwks_url: where its keys are, for an issuer that is reached from here by another name than from
            browsers; found by discovery when absent.
    """

    def __init__(
        self,
        issuer: str,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
        *,
        jwks_url: str | None = None,
    ) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._jwks_url = jwks_url
        self._keys: dict[str, Key] = {}
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()
        self._refreshing = Background("refresh signing keys", self._refresh, interval=REFRESH)

    async def start(self) -> None:
        self._refreshing.start()

    async def stop(self) -> None:
        await self._refreshing.stop()
        await self._http.aclose()

    def known(self, kid: str | None) -> Key | None:
        """The key that is trusted now; a token may leave out ``kid`` when there is one key alone."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid or "")

    async def find(self, kid: str | None) -> Key | None:
        """The key, after a fresh look at the issuer when it is unknown.

        Raises:
            Transient: when the issuer cannot be asked and no key of it is known at all.
        """
        if (key := self.known(kid)) is not None:
            return key
        async with self._looking:
            if self.known(kid) is None and self._may_look():
                await self._look()
        if not self._keys:
            raise Transient("the sign-in service cannot be reached", code="issuer_unavailable")
        return self.known(kid)

    def _may_look(self) -> bool:
        return self._looked_at is None or self._clock() - self._looked_at >= PAUSE

    async def _refresh(self) -> None:
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        self._looked_at = self._clock()
        try:
            fresh = KeySet.import_key_set(await self._download())
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            # What was trusted stays trusted: an issuer that is away must not sign everybody out.
            log.warning("issuer.unavailable", issuer=self._issuer, error=repr(error))
            return
        # An unchanged key stays the same object: verified tokens are remembered with it.
        old = {key.thumbprint(): key for key in self._keys.values()}
        self._keys = {key.kid or "": old.get(key.thumbprint(), key) for key in fresh}

    async def _download(self) -> KeySetSerialization:
        return cast(KeySetSerialization, await self._get(self._jwks_url or await self._discover()))

    async def _discover(self) -> str:
        configuration = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if configuration["issuer"] != self._issuer:
            raise ValueError(f"it calls itself {configuration['issuer']!r}")
        return str(configuration["jwks_uri"])

    async def _get(self, url: str) -> dict[str, Any]:
        response = await self._http.get(url, timeout=TIMEOUT)
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document
