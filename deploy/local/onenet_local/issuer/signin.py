"""Signing in without a browser, for tests and demonstrations."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx

from onenet_local.issuer.oauth import CLIENT

REDIRECT = "http://127.0.0.1:1/callback"
"""Nobody listens there: the code is taken from the answer before anybody follows it."""


async def sign_in(issuer: httpx.AsyncClient, person: str) -> str:
    """An access token for a person, by the same code flow with PKCE as a real client's.

    Args:
        issuer: a client whose base address is the issuer's.

    Raises:
        PermissionError: when the issuer does not let that person in.
    """
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    request = {"client_id": CLIENT, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256", "login_hint": person}
    answer = await issuer.get("/authorize", params=request | pkce)
    sent_back = parse_qs(urlsplit(answer.headers.get("location", "")).query)
    if "code" not in sent_back:
        raise PermissionError(sent_back.get("error_description", [answer.text])[0])
    trade = {"grant_type": "authorization_code", "code": sent_back["code"][0], "code_verifier": verifier}
    tokens = await issuer.post("/token", data={**trade, "client_id": CLIENT, "redirect_uri": REDIRECT})
    tokens.raise_for_status()
    token: str = tokens.json()["access_token"]
    return token
