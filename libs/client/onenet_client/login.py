"""The three ways to sign in, and the token that a profile yields afterwards."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from urllib.parse import urljoin

import httpx

from onenet_client.authorization import AuthorizationRequest, authorization_request
from onenet_client.errors import NotSignedIn, SignInRefused, TimedOut, Unreachable
from onenet_client.loopback import PATH, Loopback
from onenet_client.models import SignIn
from onenet_client.oidc import TIMEOUT, Issuer, discover
from onenet_client.profiles import Profile, Profiles
from onenet_client.tokens import Grant, RenewedToken
from onenet_client.trust import trust

MOST_REDIRECTS = 10
NOWHERE = f"http://127.0.0.1:1{PATH}"
"""A loopback redirect that is read and never followed."""


async def with_browser(
    sign_in: SignIn, announce: Callable[[str], None], *, open_browser: bool, timeout: float = 300.0
) -> Grant:
    """A person signs in, in a browser.

    Args:
        announce: is told the URL to go to.
        timeout: seconds that the person has.
    """
    metadata = await discover(sign_in.issuer)
    async with Loopback() as loopback:
        request = authorization_request(metadata, sign_in.client_id, loopback.redirect_uri, sign_in.audience)
        announce(request.url)
        if open_browser:
            webbrowser.open(request.url)
        try:
            callback = await loopback.callback(timeout)
        except TimeoutError:
            raise TimedOut(f"nobody signed in within {timeout:g} s") from None
    return await _redeem(Issuer(metadata, sign_in.client_id), request, callback)


async def with_hint(sign_in: SignIn, user: str) -> Grant:
    """Sign in where the issuer takes our word for who we are, as the local one does."""
    metadata = await discover(sign_in.issuer)
    request = authorization_request(metadata, sign_in.client_id, NOWHERE, sign_in.audience, login_hint=user)
    callback = await _follow(request)
    return await _redeem(Issuer(metadata, sign_in.client_id), request, callback)


async def with_secret(sign_in: SignIn, client_id: str, secret: str) -> Grant:
    """A program signs in as itself."""
    issuer = Issuer(await discover(sign_in.issuer), client_id, secret)
    return await issuer.client_credentials(sign_in.audience)


def token_of(profiles: Profiles, name: str, profile: Profile, secret: str | None) -> RenewedToken:
    """The tokens of a stored profile; a renewed one is stored again.

    Args:
        secret: the client secret, for the profile of a program.
    """

    async def renew(spent: Grant | None) -> Grant:
        stored = profiles.load(name)
        if stored is not None and stored.grant != spent and stored.url == profile.url:
            return stored.grant  # another process was faster; its refresh token is the good one
        grant = await _next_grant(profile, spent or profile.grant, secret)
        profiles.save(name, profile.model_copy(update={"grant": grant}))
        return grant

    return RenewedToken(renew, profile.grant)


async def _next_grant(profile: Profile, spent: Grant, secret: str | None) -> Grant:
    if profile.machine and secret is not None:
        issuer = Issuer(await discover(profile.issuer), profile.client_id, secret)
        return await issuer.client_credentials(profile.audience)
    if spent.refresh_token is None:
        raise NotSignedIn("the sign-in has run out")
    return await Issuer(await discover(profile.issuer), profile.client_id).refresh(spent.refresh_token)


async def _redeem(issuer: Issuer, request: AuthorizationRequest, callback: str) -> Grant:
    return await issuer.exchange(request.code(callback), request.verifier, request.redirect_uri)


async def _follow(request: AuthorizationRequest) -> str:
    """Where the issuer's redirects lead, without a browser."""
    url = request.url
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=trust()) as http:
            for _ in range(MOST_REDIRECTS):
                response = await http.get(url)
                if not response.has_redirect_location:
                    raise SignInRefused(
                        f"the issuer wants to see a person (HTTP {response.status_code}); "
                        "sign in without --user"
                    )
                url = urljoin(url, response.headers["Location"])
                if url.startswith(request.redirect_uri):
                    return url
    except httpx.TransportError as error:
        raise Unreachable(f"the issuer does not answer at {request.url}: {error}") from error
    raise SignInRefused(f"the issuer redirects more than {MOST_REDIRECTS} times")
