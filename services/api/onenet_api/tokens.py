"""OIDC access tokens: who sent this request, verified once per token."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from re import fullmatch
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key
from joserfc.util import json_b64decode

from onenet_api.keys import IssuerKeys
from onenet_api.settings import ApiSettings
from onenet_api.token_kinds import ACCESS, objection

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones alone: with HMAC, a public key could be abused as the secret."""
LEEWAY = 30
"""Seconds by which the issuer's clock and ours may differ."""
REMEMBERED = 10_000
"""Tokens whose verification is remembered."""
LONGEST_TOKEN = 16_384
LONGEST_NAME = 256
ADDRESS = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
GROUP = "group:"
"""What an owner that is a group starts with."""


class TokenRefused(Exception):
    """The token does not prove who sent it; ``reason`` may be shown to anybody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class User:
    """Who sent a request.

    Args:
        admin: sees and does everything.
        email: an address that the issuer vouches for; empty when there is none.
    """

    name: str
    groups: tuple[str, ...] = ()
    admin: bool = False
    email: str = ""

    @property
    def principals(self) -> list[str]:
        """The names under which this user may be an owner: his own and his groups'."""
        return [self.name, *(f"{GROUP}{group}" for group in self.groups)]

    @property
    def scope(self) -> list[str] | None:
        """``principals`` as a query's argument; None for administrators, whom nothing limits."""
        return None if self.admin else self.principals

    def owns(self, owners: list[str] | tuple[str, ...]) -> bool:
        return self.admin or not set(self.principals).isdisjoint(owners)


@dataclass(frozen=True, slots=True)
class _Verified:
    user: User
    expires: float
    kid: str | None
    key: Key


class TokenVerifier:
    """Turns access tokens into users.

    A verified token is remembered, by its hash, until it expires or its key is withdrawn.
    """

    def __init__(
        self, keys: IssuerKeys, settings: ApiSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def user(self, token: str) -> User:
        """The user whom the token names.

        Raises:
            TokenRefused: when it is not a valid access token for this API.
            Transient: when the issuer's keys cannot be had.
        """
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused(f"the token is longer than {LONGEST_TOKEN} characters")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None or not self._still_valid(known):
            self._verified.pop(digest, None)
            known = await self._verify(token)
            self._remember(digest, known)
        return known.user

    def _still_valid(self, known: _Verified) -> bool:
        return known.expires > self._clock() and self._keys.known(known.kid) is known.key

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> _Verified:
        kid = _key_id(token)
        key = await self._keys.find(kid)
        if key is None:
            raise TokenRefused("the token is signed with a key that the issuer does not list")
        try:
            decoded = jwt.decode(token, key, algorithms=ALGORITHMS)
            claims = decoded.claims
            self._requirements().validate(claims)
        except ExpiredTokenError:
            raise TokenRefused("the token has expired; sign in again") from None
        except ClaimError as error:
            raise TokenRefused(f"claim {error.claim} of the token is not right for this API") from None
        except (JoseError, ValueError):
            raise TokenRefused("the token's signature does not verify") from None
        only_typed = self._settings.api_oidc_typ == ACCESS
        if (reason := objection(decoded.header, claims, only_typed=only_typed)) is not None:
            raise TokenRefused(reason)
        return _Verified(self._user(claims), float(claims["exp"]) + LEEWAY, kid, key)

    def _requirements(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._settings.api_oidc_issuer},
            aud={"essential": True, "value": self._settings.api_oidc_audience},
            exp={"essential": True},
        )

    def _user(self, claims: dict[str, Any]) -> User:
        name = claims.get(self._settings.api_oidc_user_claim)
        if not _is_name(name) or name.startswith(GROUP):
            # A user of the name group:x would otherwise own what group x owns.
            raise TokenRefused(f"claim {self._settings.api_oidc_user_claim} of the token names no user")
        listed = claims.get(self._settings.api_oidc_groups_claim, [])
        groups = tuple(group for group in listed if _is_name(group)) if isinstance(listed, list) else ()
        admin = self._settings.api_admin_group in groups
        return User(name, groups, admin=admin, email=self._email(claims))

    def _email(self, claims: dict[str, Any]) -> str:
        email = claims.get(self._settings.api_oidc_email_claim)
        verified = claims.get("email_verified", True) is True
        return email if verified and _is_name(email) and fullmatch(ADDRESS, email) else ""


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _key_id(token: str) -> str | None:
    try:
        header = json_b64decode(token.partition(".")[0].encode())
    except (ValueError, RecursionError):
        raise TokenRefused("the token is not a JSON Web Token") from None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None
