"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

import typer

from onenet_client import login as ways
from onenet_client.cli import columns
from onenet_client.cli.output import Format, Output, note, show_all, show_one
from onenet_client.cli.session import Session, run, session_of
from onenet_client.errors import ClientError
from onenet_client.models import Model, SignIn
from onenet_client.oidc import Issuer, discover
from onenet_client.profiles import Profile
from onenet_client.settings import check_url
from onenet_client.tokens import Grant

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def login(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The API's address, kept in the profile.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Sign in as this user without a browser, where the issuer allows it.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(help="Sign in as a program; its secret is asked for.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser; the address is printed anyway.")] = True,
) -> None:
    """Sign in, and remember it in the profile.

    Without options a browser opens (authorization code with PKCE). A program signs in with
    --client-id; its secret is read from ONENET_CLIENT_SECRET, or asked for, and never kept.
    """
    if user is not None and client_id is not None:
        raise typer.BadParameter("a program has no user: give --user or --client-id", param_hint="--user")
    session = _at(session_of(context), url)
    secret = _secret(session) if client_id is not None else None
    sign_in, grant = asyncio.run(_sign_in(session, user, client_id, secret, browser))
    profile = Profile(
        url=session.url(),
        issuer=sign_in.issuer,
        audience=sign_in.audience,
        client_id=client_id or sign_in.client_id,
        machine=client_id is not None,
        grant=grant,
    )
    session.profiles.save(session.profile_name, profile)
    note(f"signed in at {profile.url} (profile {session.profile_name})")


def logout(context: typer.Context) -> None:
    """Forget the sign-in of this profile."""
    session = session_of(context)
    profile = session.profile()
    session.profiles.remove(session.profile_name)
    if profile is None:
        note(f"profile {session.profile_name} was not signed in")
        return
    if profile.grant.refresh_token is not None:
        asyncio.run(_revoke(profile, profile.grant.refresh_token))
    note(f"signed out of {profile.url} (profile {session.profile_name})")


def whoami(context: typer.Context, output: Output = Format.TABLE) -> None:
    """Show who the API takes you for."""
    session = session_of(context)
    me = run(context, lambda client: client.me())
    shown = me.model_copy(update={"profile": session.profile_name, "url": session.url()})
    show_one(shown, columns.ME, output)


class _Listed(Model):
    name: str
    url: str
    issuer: str
    client_id: str


def profiles(context: typer.Context, output: Output = Format.TABLE) -> None:
    """List the profiles; --profile or ONENET_CLIENT_PROFILE chooses one."""
    stored = session_of(context).profiles
    listed = [
        _Listed(name=name, url=profile.url, issuer=profile.issuer, client_id=profile.client_id)
        for name in stored.names()
        if (profile := stored.load(name)) is not None
    ]
    show_all(listed, columns.PROFILES, output)


def _at(session: Session, url: str | None) -> Session:
    """The session at this address, with a word of warning where a token would travel in the clear."""
    try:
        chosen = check_url(url) if url is not None else session.url()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
    parts = urlsplit(chosen)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        note(f"warning: {chosen} has no TLS; your token can be read on the way")
    return Session(session.settings, session.profile_name, chosen)


def _secret(session: Session) -> str:
    kept = session.settings.secret
    if kept is not None:
        return kept.get_secret_value()
    typed: str = typer.prompt("Client secret", hide_input=True, err=True)
    return typed


async def _sign_in(
    session: Session, user: str | None, client_id: str | None, secret: str | None, browser: bool
) -> tuple[SignIn, Grant]:
    async with session.anonymous() as client:
        sign_in = await client.sign_in()
    if client_id is not None and secret is not None:
        return sign_in, await ways.with_secret(sign_in, client_id, secret)
    if user is not None:
        return sign_in, await ways.with_hint(sign_in, user)
    return sign_in, await ways.with_browser(sign_in, _announce, open_browser=browser)


def _announce(url: str) -> None:
    note(f"Sign in here:\n\n  {url}\n\nWaiting until you have ...")


async def _revoke(profile: Profile, refresh_token: str) -> None:
    """The profile is gone already; an issuer that does not answer changes nothing for the user."""
    try:
        await Issuer(await discover(profile.issuer), profile.client_id).revoke(refresh_token)
    except ClientError as error:
        note(f"the issuer was not told: {error.reason}")
