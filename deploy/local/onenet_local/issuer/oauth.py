"""The protocol's requests, checked: OAuth 2.1 with PKCE, OpenID Connect's few additions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CLIENT = "onenet-cli"
"""The public client of everybody who works on this machine."""

LONGEST = 2_048
"""Characters of a parameter."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class OAuthError(Exception):
    """An error with its code of RFC 6749 and a sentence for people."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status

    def fields(self) -> dict[str, str]:
        return {"error": self.code, "error_description": self.description}


class UntrustedClient(OAuthError):
    """Nobody may be sent back to where this request says."""


@dataclass(frozen=True)
class Authorization:
    """A request of the authorization endpoint that may be answered by a redirect."""

    redirect_uri: str
    state: str
    scope: str
    challenge: str
    nonce: str
    login_hint: str


def parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name.

    Raises:
        OAuthError: when one is repeated (RFC 6749, section 3.1), too long, or not text.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise OAuthError("invalid_request", f"{name[:40]!r} is given twice")
        if len(value) > LONGEST or "\0" in value:
            raise OAuthError("invalid_request", f"{name[:40]!r} is longer than {LONGEST} or not text")
        found[name] = value
    return found


def returns_to(given: Mapping[str, str]) -> str:
    """The redirect URI, after which errors can be told to the client.

    Raises:
        UntrustedClient: when client or URI are not known; the user must not be sent there.
    """
    if given.get("client_id") != CLIENT:
        raise UntrustedClient("invalid_client", f"client_id is not known; use {CLIENT}")
    uri = given.get("redirect_uri", "")
    if not is_loopback(uri):
        raise UntrustedClient("invalid_request", "redirect_uri must be http://127.0.0.1:<any port>/…")
    return uri


def is_loopback(uri: str) -> bool:
    """Whether it leads to this machine, on whatever port (RFC 8252, section 7.3)."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    plain = parts.username is None and parts.password is None and "#" not in uri
    return parts.scheme == "http" and parts.hostname in LOOPBACK and plain and port != 0


def authorization(given: Mapping[str, str], redirect_uri: str) -> Authorization:
    """The rest of the request.

    Raises:
        OAuthError: when it is not the code flow with PKCE and S256.
    """
    if given.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "PKCE with code_challenge_method S256 is required")
    return Authorization(
        redirect_uri=redirect_uri,
        state=given.get("state", ""),
        scope=given.get("scope", "openid"),
        challenge=challenge,
        nonce=given.get("nonce", ""),
        login_hint=given.get("login_hint", ""),
    )
