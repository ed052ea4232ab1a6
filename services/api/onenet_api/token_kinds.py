"""Whether a genuine token is an access token, and not another that the issuer signs with the same key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCESS = "at+jwt"
"""What RFC 9068 calls an access token in ``typ``."""
UNSAID = frozenset({"", "jwt"})
"""Types that say nothing; many issuers give these to access tokens and ID tokens alike."""
SIGN_IN_CLAIMS = ("nonce", "at_hash", "c_hash")
"""What OpenID Connect puts into ID tokens alone: it ties them to one sign-in of one client."""
ID_TOKEN = {"typ": "ID", "token_use": "id"}
"""How Keycloak and Amazon Cognito mark theirs, in the claims."""


def objection(header: Mapping[str, Any], claims: Mapping[str, Any], *, only_typed: bool) -> str | None:
    """Why it is no access token, for anybody to read; None when nothing speaks against it.

    An ID token tells a client who signed in, and goes where access tokens must not: into logs, URLs
    and other parties' hands. Its audience is the client, which does not tell it apart where client
    and API are registered as one.

    Args:
        only_typed: whether ``typ`` must be ``at+jwt``.
    """
    kind = str(header.get("typ") or "").lower().removeprefix("application/")
    if kind == ACCESS:
        return None
    if only_typed or kind not in UNSAID:
        return f"the token's typ is not {ACCESS}; send an access token"
    if any(claims.get(name) == value for name, value in ID_TOKEN.items()):
        return "this is an ID token; send an access token"
    found = next((name for name in SIGN_IN_CLAIMS if name in claims), None)
    return f"claim {found} makes this an ID token; send an access token" if found else None
