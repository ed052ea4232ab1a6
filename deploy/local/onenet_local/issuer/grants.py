"""What a client can trade for tokens: authorization codes and refresh tokens, each good for once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """Who signed in, for which client, and what that client must prove.

    Args:
        person: the user's name.
        challenge: PKCE's S256 challenge; spent with the code.
    """

    person: str
    client: str
    scope: str
    redirect_uri: str = ""
    challenge: str = ""
    nonce: str = ""

    def proven_by(self, verifier: str) -> bool:
        """Whether this is the secret behind the challenge (RFC 7636, section 4.6)."""
        digest = hashlib.sha256(verifier.encode()).digest()
        expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return hmac.compare_digest(expected, self.challenge)


class OneTimeTokens:
    """Random tokens that stand for a grant until they are used, expire, or are too many.

    Args:
        lifetime: seconds.
        most: how many are kept; the oldest goes first.
    """

    def __init__(self, *, lifetime: float, most: int = 10_000) -> None:
        self._lifetime = lifetime
        self._most = most
        self._grants: OrderedDict[str, tuple[float, Grant]] = OrderedDict()

    def issue(self, grant: Grant, now: float) -> str:
        token = secrets.token_urlsafe(32)
        self._grants[token] = (now + self._lifetime, grant)
        while len(self._grants) > self._most:
            self._grants.popitem(last=False)
        return token

    def redeem(self, token: str, now: float) -> Grant | None:
        """The grant, once; None when the token is unknown, used or expired."""
        expires, grant = self._grants.pop(token, (0.0, None))
        return grant if expires > now else None

    def forget(self, token: str) -> None:
        self._grants.pop(token, None)
