"""The OpenID Connect issuer's own endpoints: discovery, and the ways to a grant."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from onenet_client.errors import SignInRefused, Unexpected, Unreachable
from onenet_client.tokens import Grant, RenewedToken
from onenet_client.trust import trust

WANTED_SCOPES = ("openid", "profile", "groups", "offline_access")
DEFAULT_LIFETIME = 300.0
"""Seconds that a token counts as good when the issuer does not say (RFC 6749 leaves it out)."""

TIMEOUT = 15.0
"""Seconds until a silent issuer counts as gone."""


B = TypeVar("B", bound=BaseModel)


class Metadata(BaseModel):
    """What OneNet's clients use of an issuer's metadata (OpenID Connect Discovery 1.0)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str | None = None
    token_endpoint: str
    revocation_endpoint: str | None = None
    scopes_supported: tuple[str, ...] = ("openid",)
    authorization_response_iss_parameter_supported: bool = False

    def scope(self) -> str:
        """What to ask for: a stranger's scope makes some issuers refuse the whole request."""
        return " ".join(scope for scope in WANTED_SCOPES if scope in self.scopes_supported)


class _TokenAnswer(BaseModel):
    access_token: str
    refresh_token: str | None = None
    expires_in: float = DEFAULT_LIFETIME


@dataclass(frozen=True)
class Issuer:
    """An issuer as seen by one client id.

    Args:
        secret: None for a public client, which proves itself with PKCE.
    """

    metadata: Metadata
    client_id: str
    secret: str | None = None

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Grant:
        """An authorization code for a grant (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
        return await self._grant(
            {
                "grant_type": "authorization_code",
                "code": code,
                "code_verifier": verifier,
                "redirect_uri": redirect_uri,
            }
        )

    async def refresh(self, refresh_token: str) -> Grant:
        """The next grant. It keeps the refresh token when the issuer does not rotate it."""
        grant = await self._grant({"grant_type": "refresh_token", "refresh_token": refresh_token})
        return grant if grant.refresh_token else grant.model_copy(update={"refresh_token": refresh_token})

    async def client_credentials(self, audience: str) -> Grant:
        return await self._grant({"grant_type": "client_credentials", "audience": audience})

    async def revoke(self, refresh_token: str) -> None:
        """Make the issuer forget it (RFC 7009), where it can."""
        if self.metadata.revocation_endpoint:
            await self._post(self.metadata.revocation_endpoint, {"token": refresh_token})

    async def _grant(self, form: Mapping[str, str]) -> Grant:
        asked = time.time()
        response = await self._post(self.metadata.token_endpoint, form)
        answer = _understood(_TokenAnswer, response)
        return Grant(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            expires_at=asked + answer.expires_in,
        )

    async def _post(self, url: str, form: Mapping[str, str]) -> httpx.Response:
        """A secret goes as HTTP Basic, which every issuer has to take, encoded as RFC 6749 2.3.1 has it."""
        if self.secret is None:
            return await _call("POST", url, data={**form, "client_id": self.client_id})
        return await _call(
            "POST", url, data=dict(form), auth=(quote_plus(self.client_id), quote_plus(self.secret))
        )


async def discover(issuer: str) -> Metadata:
    """An issuer's metadata.

    Raises:
        Unreachable, Unexpected: it is not there, or it says that it is somebody else.
    """
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    metadata = _understood(Metadata, await _call("GET", url))
    if metadata.issuer.rstrip("/") != issuer.rstrip("/"):
        raise Unexpected(f"{url} speaks for {metadata.issuer}, not for {issuer}")
    if urlsplit(issuer).scheme == "https" and urlsplit(metadata.token_endpoint).scheme != "https":
        raise Unexpected(f"{url} names a token endpoint without TLS: {metadata.token_endpoint}")
    return metadata


def client_credentials(issuer: str, client_id: str, secret: str, audience: str) -> RenewedToken:
    """A program's own token, renewed for as long as its secret holds."""

    async def renew(_: Grant | None) -> Grant:
        return await Issuer(await discover(issuer), client_id, secret).client_credentials(audience)

    return RenewedToken(renew)


def refreshed(issuer: str, client_id: str, grant: Grant) -> RenewedToken:
    """A person's token, renewed for as long as its refresh token holds."""

    async def renew(last: Grant | None) -> Grant:
        if last is None or last.refresh_token is None:
            raise SignInRefused("the token is spent and came without a refresh token")
        return await Issuer(await discover(issuer), client_id).refresh(last.refresh_token)

    return RenewedToken(renew, grant)


async def _call(method: str, url: str, **arguments: Any) -> httpx.Response:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=trust()) as http:
            response = await http.request(method, url, **arguments)
    except httpx.InvalidURL as error:
        raise Unexpected(f"the issuer's address {url!r} is not a URL: {error}") from error
    except httpx.TransportError as error:
        raise Unreachable(f"the issuer does not answer at {url}: {error}") from error
    if response.is_server_error:
        raise Unreachable(f"the issuer answers {response.status_code} at {url}")
    if response.is_client_error:
        raise SignInRefused(f"the issuer refused: {_oauth_error(response)}")
    return response


def _oauth_error(response: httpx.Response) -> str:
    """An OAuth error in its own words (RFC 6749, 5.2)."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "error" not in body:
        return f"HTTP {response.status_code} at {response.request.url}"
    return ": ".join(str(body[word]) for word in ("error", "error_description") if body.get(word))


def _understood(model: type[B], response: httpx.Response) -> B:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        raise Unexpected(
            f"{response.request.url} is no OIDC endpoint: {fields or 'JSON'} missing or wrong"
        ) from error
