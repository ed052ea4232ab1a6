"""Who is signed in, and where."""

from __future__ import annotations

from onenet_client.models.shapes import Model


class SignIn(Model):
    """Where users of this API sign in."""

    issuer: str
    audience: str
    client_id: str


class Me(Model):
    user: str
    groups: tuple[str, ...] = ()
    admin: bool = False
