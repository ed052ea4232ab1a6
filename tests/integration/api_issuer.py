"""An OpenID issuer with real keys, reached in this process."""

from __future__ import annotations

import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

URL = "https://issuer.example"


class Issuer:
    """Issues tokens and serves its keys; ``away`` makes it answer 503, ``asked`` counts."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.listed = [self.key]
        self.away = False
        self.asked = 0

    def rotate(self) -> None:
        """Sign with a new key and withdraw the old one."""
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.listed = [self.key]

    def token(self, user: str, groups: tuple[str, ...] = (), /, **claims: Any) -> str:
        """An access token for the API; a claim given as None is left out."""
        return self.signed({"alg": "RS256", "kid": self.key.kid}, self.claims(user, groups, **claims))

    def signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Whatever token the issuer's key can sign."""
        return jwt.encode(header, claims, self.key)

    def claims(self, user: str, groups: tuple[str, ...] = (), /, **claims: Any) -> dict[str, Any]:
        """What an access token says."""
        now = int(time.time())
        standard = {
            "iss": URL,
            "aud": "onenet",
            "exp": now + 600,
            "sub": user,
            "preferred_username": user,
            "groups": list(groups),
        }
        return {name: value for name, value in (standard | claims).items() if value is not None}

    def client(self) -> httpx.AsyncClient:
        routes = [Route("/.well-known/openid-configuration", self._configuration), Route("/keys", self._keys)]
        return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=URL)

    async def _configuration(self, _: Request) -> Response:
        self.asked += 1
        if self.away:
            return Response(status_code=503)
        return JSONResponse({"issuer": URL, "jwks_uri": f"{URL}/keys"})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(KeySet([*self.listed]).as_dict(private=False))
