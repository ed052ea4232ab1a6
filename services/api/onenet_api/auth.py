"""Who is asking: the bearer token of a request, as a dependency of the routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from onenet_api.problems import Problem
from onenet_api.tokens import TokenRefused, TokenVerifier, User


async def _caller(request: Request) -> User:
    """The signed-in user.

    Raises:
        Problem: 401 with the reason, and in ``WWW-Authenticate`` as RFC 6750 has it.
        Transient: when the issuer's keys cannot be had.
    """
    token = bearer(request)
    if not token:
        raise _unauthorized("send an access token: Authorization: Bearer …", 'Bearer realm="onenet"')
    verifier: TokenVerifier = request.app.state.context.verifier
    try:
        return await verifier.user(token)
    except TokenRefused as refusal:
        challenge = f'Bearer realm="onenet", error="invalid_token", error_description="{refusal.reason}"'
        raise _unauthorized(refusal.reason, challenge) from None


def bearer(request: Request) -> str:
    """The access token as it was sent; empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


Caller = Annotated[User, Depends(_caller)]


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
