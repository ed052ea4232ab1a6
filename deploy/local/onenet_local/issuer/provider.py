"""Who may have which token: the issuer without HTTP."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from onenet_local.issuer.accounts import Account, Accounts, Person
from onenet_local.issuer.grants import Grant, OneTimeTokens
from onenet_local.issuer.keys import KeyRing
from onenet_local.issuer.oauth import CLIENT, Authorization, OAuthError

AUDIENCE = "onenet"
CODE_LIFETIME = 60.0
REFRESH_LIFETIME = 12 * 3600.0

Credentials = tuple[str, str]
"""A client's id and secret."""


class Provider:
    """Issues codes and tokens; it knows the time only as it is told.

    Args:
        url: the issuer's own address, as in the ``iss`` claim.
        lifetime: seconds for which an access token is good.
    """

    def __init__(self, url: str, accounts: Accounts, *, lifetime: int = 3600) -> None:
        self.url = url
        self.accounts = accounts
        self.keys = KeyRing(retire_after=lifetime)
        self._lifetime = lifetime
        self._codes = OneTimeTokens(lifetime=CODE_LIFETIME)
        self._refreshes = OneTimeTokens(lifetime=REFRESH_LIFETIME)
        self._trades: dict[str, Callable[[Mapping[str, str], Credentials, float], dict[str, Any]]] = {
            "authorization_code": self._trade_code,
            "refresh_token": self._trade_refresh,
            "client_credentials": self._trade_secret,
        }

    def code(self, request: Authorization, person: str, now: float) -> str:
        """Sign a person in.

        Raises:
            OAuthError: when nobody has that name.
        """
        if person not in self.accounts.people:
            known = ", ".join(self.accounts.people)
            raise OAuthError("access_denied", f"nobody is called {person!r}; there are {known}")
        grant = Grant(person, CLIENT, request.scope, request.redirect_uri, request.challenge, request.nonce)
        return self._codes.issue(grant, now)

    def tokens(self, given: Mapping[str, str], credentials: Credentials, now: float) -> dict[str, Any]:
        """The answer of the token endpoint.

        Args:
            given: the request's parameters.
            credentials: what the client authenticates with, the secret empty for a public one.

        Raises:
            OAuthError: when there is nothing to be had for this.
        """
        trade = self._trades.get(given.get("grant_type", ""))
        if trade is None:
            raise OAuthError("unsupported_grant_type", f"grant_type must be one of {', '.join(self._trades)}")
        return trade(given, credentials, now)

    def revoke(self, refresh_token: str) -> None:
        """Make a refresh token worthless; access tokens stand until they expire."""
        self._refreshes.forget(refresh_token)

    def _trade_code(self, given: Mapping[str, str], credentials: Credentials, now: float) -> dict[str, Any]:
        grant = self._codes.redeem(given.get("code", ""), now)
        if grant is None or grant.client != credentials[0]:
            raise OAuthError("invalid_grant", "the code is unknown, used or expired")
        if grant.redirect_uri != given.get("redirect_uri"):
            raise OAuthError("invalid_grant", "redirect_uri differs from the one that the code was sent to")
        if not grant.proven_by(given.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge")
        return self._personal_tokens(grant, now)

    def _trade_refresh(
        self, given: Mapping[str, str], credentials: Credentials, now: float
    ) -> dict[str, Any]:
        grant = self._refreshes.redeem(given.get("refresh_token", ""), now)
        if grant is None or grant.client != credentials[0]:
            raise OAuthError("invalid_grant", "the refresh token is unknown, used or expired")
        return self._personal_tokens(grant, now)

    def _trade_secret(self, given: Mapping[str, str], credentials: Credentials, now: float) -> dict[str, Any]:
        name, secret = credentials
        machine = self.accounts.machines.get(name)
        expected = machine.secret.get_secret_value() if machine is not None else ""
        if machine is None or not hmac.compare_digest(expected.encode(), secret.encode()):
            raise OAuthError("invalid_client", "client id or secret are wrong", status=401)
        return self._answer(name, machine, client=name, scope=given.get("scope", ""), now=now)

    def _personal_tokens(self, grant: Grant, now: float) -> dict[str, Any]:
        person = self.accounts.people[grant.person]
        answer = self._answer(grant.person, person, client=grant.client, scope=grant.scope, now=now)
        answer["refresh_token"] = self._refreshes.issue(grant, now)
        if "openid" in grant.scope.split():
            claims = self._claims(grant.person, person, audience=grant.client, now=now)
            nonce = {"nonce": grant.nonce} if grant.nonce else {}
            answer["id_token"] = self.keys.sign(claims | nonce, kind="JWT")
        return answer

    def _answer(self, name: str, account: Account, *, client: str, scope: str, now: float) -> dict[str, Any]:
        claims = self._claims(name, account, audience=AUDIENCE, now=now)
        extra = {"client_id": client, "scope": scope, "jti": secrets.token_hex(16)}
        return {
            "access_token": self.keys.sign({**claims, **extra}, kind="at+jwt"),
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "scope": scope,
        }

    def _claims(self, name: str, account: Account, *, audience: str, now: float) -> dict[str, Any]:
        return {
            "iss": self.url,
            "aud": audience,
            "sub": str(uuid5(NAMESPACE_URL, f"{AUDIENCE}/{name}")),
            "preferred_username": name,
            "email": account.email if isinstance(account, Person) else "",
            "groups": list(account.groups),
            "iat": int(now),
            "exp": int(now) + self._lifetime,
        }
