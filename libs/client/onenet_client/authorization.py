"""The authorization request with PKCE, and the reading of its answer. Pure but for the randomness.

RFC 6749 4.1, RFC 7636 (S256 only), RFC 8252 for the loopback redirect, RFC 9207 for ``iss``.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs, urlencode, urlsplit

from onenet_client.errors import SignInRefused
from onenet_client.oidc import Metadata


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request under way. ``url`` is for the browser, the rest for ``code``.

    Args:
        signs: the issuer puts its own name into every answer.
    """

    url: str
    redirect_uri: str
    issuer: str
    signs: bool
    state: str
    verifier: str

    def code(self, callback: str) -> str:
        """The authorization code out of the URL to which the issuer sent the browser.

        Raises:
            SignInRefused: the issuer said no, or the answer belongs to another request.
        """
        answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        if not secrets.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise SignInRefused("the answer does not belong to this sign-in; begin again")
        sender = answer.get("iss", "" if self.signs else self.issuer)
        if sender != self.issuer:
            raise SignInRefused(f"the answer is from {sender!r}, not from {self.issuer}; begin again")
        if "code" not in answer:
            words = [answer.get("error", "no code came back"), answer.get("error_description", "")]
            raise SignInRefused(f"the issuer refused: {': '.join(filter(None, words))}")
        return answer["code"]


def challenge(verifier: str) -> str:
    """RFC 7636, 4.2: BASE64URL(SHA256(verifier)) without padding."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def authorization_request(
    metadata: Metadata, client_id: str, redirect_uri: str, audience: str, login_hint: str | None = None
) -> AuthorizationRequest:
    """Begin a sign-in.

    Raises:
        SignInRefused: the issuer lets no person sign in.
    """
    if metadata.authorization_endpoint is None:
        raise SignInRefused(f"{metadata.issuer} has no sign-in page; use --client-id")
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": metadata.scope(),
        "audience": audience,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    if login_hint is not None:
        query["login_hint"] = login_hint
    join = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    url = f"{metadata.authorization_endpoint}{join}{urlencode(query)}"
    signs = metadata.authorization_response_iss_parameter_supported
    return AuthorizationRequest(url, redirect_uri, metadata.issuer, signs, state, verifier)
