"""Who the caller is, and where clients sign in."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from onenet_api.auth import Caller
from onenet_api.context import Api

CLIENT_ID = "onenet-cli"

router = APIRouter(tags=["identity"])
anybody = APIRouter(tags=["identity"])
"""What needs no access token."""


class Me(BaseModel):
    user: str
    groups: tuple[str, ...]
    admin: bool


class SignIn(BaseModel):
    """What a client needs for getting an access token."""

    issuer: str
    audience: str
    client_id: str


@router.get("/v1/me")
async def read_me(caller: Caller) -> Me:
    """The signed-in user, as the access token names him."""
    return Me(user=caller.name, groups=caller.groups, admin=caller.admin)


@anybody.get("/.well-known/onenet")
async def read_sign_in(api: Api) -> SignIn:
    """Where to sign in; the one thing that needs no access token."""
    return SignIn(
        issuer=api.settings.api_oidc_issuer,
        audience=api.settings.api_oidc_audience,
        client_id=CLIENT_ID,
    )
